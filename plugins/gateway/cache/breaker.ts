import type { Clock, Logger } from '../../../core/index.ts';
import type { RedisClient } from './redis-client.ts';

const FIRST_PROBE_MS = 100;
const SLOWEST_PROBE_MS = 1_000;

/**
 * Says whether Redis may be asked. Opens at the first time-out or lost connection, for everybody. A hung server keeps
 * unanswered commands queued, so opening drops the connection; when a new one is ready, one command is tried on the key
 * that failed (its node, in a cluster), and only its answer closes the breaker.
 */
export class Breaker {
  readonly #client: RedisClient;
  readonly #clock: Clock;
  readonly #log: Logger;
  #isOpen = true;
  /** One line per episode. */
  #isTold = false;
  #isEnding = false;
  #suspect = 'optigate';
  #probeDelayMs = FIRST_PROBE_MS;
  #cancelProbe: (() => void) | undefined;
  #isProbing = false;
  readonly #firstVerdict = Promise.withResolvers<void>();

  constructor(client: RedisClient, clock: Clock, log: Logger) {
    this.#client = client;
    this.#clock = clock;
    this.#log = log;
    client.on('error', (error: unknown) => this.#note(error));
    client.on('close', () => this.#note(new Error('the connection closed')));
    client.on('ready', () => void this.#probe());
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Resolves when the first attempt to connect succeeded or failed. */
  get firstVerdict(): Promise<void> {
    return this.#firstVerdict.promise;
  }

  /** A command failed without an answer. */
  trip(error: unknown, key: string): void {
    if (this.#isOpen) return;
    this.#suspect = key;
    this.#note(error);
    this.#client.disconnect(true);
  }

  /** The connection is closed on purpose from here on. */
  end(): void {
    this.#isEnding = true;
    this.#isOpen = true;
    this.#cancelProbe?.();
  }

  #note(error: unknown): void {
    this.#firstVerdict.resolve();
    this.#isOpen = true;
    if (this.#isTold || this.#isEnding) return;
    this.#isTold = true;
    this.#log.warn({ reason: reasonOf(error) }, 'redis is away, going on without it');
  }

  async #probe(): Promise<void> {
    if (this.#isProbing || this.#isEnding) return;
    this.#isProbing = true;
    try {
      await this.#client.exists(this.#suspect);
      this.#isOpen = false;
      this.#isTold = false;
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

/** Not the error itself: it may quote the command, and with it an answer. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
