import type { Clock, Logger } from '../../../core/index.ts';
import type { RedisClient } from './redis-client.ts';

const FIRST_PROBE_MS = 100;
const SLOWEST_PROBE_MS = 1_000;

/**
 * Circuit breaker: while it is open, nobody asks Redis. It opens at the first time-out or lost connection. A hung
 * server keeps unanswered commands queued, so opening also drops the connection. When a new connection is ready, one
 * command is tried on the key that failed (in a cluster: on its node). Only an answer closes the breaker.
 */
export class Breaker {
  readonly #client: RedisClient;
  readonly #clock: Clock;
  readonly #log: Logger;
  #isOpen = true;
  /** Was it logged that Redis is away? Once per outage. */
  #isLogged = false;
  #isEnding = false;
  /** The key of the command that failed; at first one within the namespace, outside of which there may be no rights. */
  #probedKey: string;
  #probeDelayMs = FIRST_PROBE_MS;
  #cancelProbe: (() => void) | undefined;
  #isProbing = false;
  readonly #firstVerdict = Promise.withResolvers<void>();

  constructor(client: RedisClient, probedKey: string, clock: Clock, log: Logger) {
    this.#client = client;
    this.#probedKey = probedKey;
    this.#clock = clock;
    this.#log = log;
    client.on('error', (error: unknown) => this.#note(error));
    client.on('close', () => this.#note(new Error('the connection closed')));
    client.on('ready', () => void this.#probe());
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Resolves when the first attempt to connect has succeeded or failed. */
  get firstVerdict(): Promise<void> {
    return this.#firstVerdict.promise;
  }

  /** Opens the breaker. Call it when a command on this key got no answer. */
  trip(error: unknown, key: string): void {
    if (this.#isOpen) return;
    this.#probedKey = key;
    this.#note(error);
    this.#client.disconnect(true);
  }

  /** Opens the breaker for good, without a log line. Call it before the connection is closed on purpose. */
  end(): void {
    this.#isEnding = true;
    this.#isOpen = true;
    this.#cancelProbe?.();
  }

  #note(error: unknown): void {
    this.#firstVerdict.resolve();
    this.#isOpen = true;
    if (this.#isLogged || this.#isEnding) return;
    this.#isLogged = true;
    this.#log.warn({ reason: reasonOf(error) }, 'redis is away, going on without it');
  }

  async #probe(): Promise<void> {
    if (this.#isProbing || this.#isEnding) return;
    this.#isProbing = true;
    try {
      await this.#client.exists(this.#probedKey);
      this.#isOpen = false;
      this.#isLogged = false;
      this.#probeDelayMs = FIRST_PROBE_MS;
      this.#firstVerdict.resolve();
      this.#log.info('redis is there');
    } catch (error) {
      this.#note(error);
      this.#cancelProbe = this.#clock.setTimeout(() => this.#client.disconnect(true), this.#probeDelayMs);
      this.#probeDelayMs = Math.min(2 * this.#probeDelayMs, SLOWEST_PROBE_MS);
    } finally {
      this.#isProbing = false;
    }
  }
}

/** The error's message. The error itself is not logged: it may quote the command, and with it a cached answer. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
