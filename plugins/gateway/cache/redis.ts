/**
 * Answers in Redis, never at a request's expense: whoever asks is answered within 35 ms or told that it is away, and
 * writes are never waited for. A lease per key lets the processes that share a Redis share calls under way: an
 * optimisation only, nothing is wrong without it.
 */
import { randomUUID } from 'node:crypto';
import type { Clock, Logger } from '../../../core/index.ts';
import { Breaker } from './breaker.ts';
import { decodeEntry, encodeEntry, type Entry } from './entry.ts';
import { createClient, type RedisClient } from './redis-client.ts';

export interface RedisSettings {
  /** One server, or some nodes of a cluster. */
  readonly url: string | readonly string[];
  readonly namespace: string;
  readonly maxEntryBytes: number;
  /** Larger bodies are compressed. */
  readonly zipAbove: number;
}

/** What asking for a key found. */
export type Found =
  | { readonly kind: 'entry'; readonly entry: Entry }
  /** Nothing there; with a lease, other processes wait for what we bring. */
  | { readonly kind: 'missing'; readonly lease: Lease | undefined }
  /** Nothing yet: another process is at it. */
  | { readonly kind: 'awaited' }
  | { readonly kind: 'away' };

export interface Lease {
  /** Tells those who wait that nothing (more) will come. */
  release(): void;
}

/** Layout of keys and entries; another number is another cache. */
const VERSION = 1;
/** A process that dies keeps others waiting no longer. */
const LEASE_MS = 5_000;
/** The process need not wait longer for the first connection. */
const FIRST_CONNECT_MS = 250;
const MAX_PENDING_BYTES = 16 * 1024 * 1024;
const MAX_PENDING_WRITES = 1_000;

const TAKE = `local entry = redis.call('GET', KEYS[1])
if entry then return entry end
-- pcall: a full server refuses the lease, which is then as good as taken.
if redis.pcall('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return 0 end
return 1`;
const WATCH = `return redis.call('GET', KEYS[1]) or redis.call('EXISTS', KEYS[2])`;
const RENEW = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0`;
const RELEASE = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;

export class RedisStore {
  readonly #settings: RedisSettings;
  readonly #clock: Clock;
  readonly #log: Logger;
  #users = 0;
  #client: RedisClient | undefined;
  #breaker: Breaker | undefined;
  #pendingWrites = 0;
  #pendingBytes = 0;
  #refusesWrites = false;
  #isBatching = false;

  constructor(settings: RedisSettings, clock: Clock, log: Logger) {
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
  }

  /** Connects for the first user; waits a moment for it, and never fails. The function returned ends the use. */
  async open(): Promise<() => Promise<void>> {
    this.#users++;
    if (this.#users === 1) await this.#connect();
    return () => this.#close();
  }

  /** Can it be read and written? */
  get isUp(): boolean {
    return !this.#isAway && !this.#refusesWrites;
  }

  /** Looks for an entry, and where there is none takes the lease, in one round trip. */
  find(key: string): Promise<Found> {
    return this.#ask(key, TAKE);
  }

  /** Looks again; what was awaited may be there, still under way, or given up (missing). */
  watch(key: string): Promise<Found> {
    return this.#ask(key, WATCH);
  }

  /** Writes behind the request's back. Resolves when done or given up, never rejects. */
  async set(key: string, entry: Entry): Promise<void> {
    const ttlMs = Math.ceil(entry.expiresAt - this.#clock.now());
    const size = entry.body.length;
    if (ttlMs <= 0 || this.#isAway || !this.#client) return;
    if (this.#pendingWrites >= MAX_PENDING_WRITES || this.#pendingBytes + size > MAX_PENDING_BYTES) return;
    this.#pendingWrites++;
    this.#pendingBytes += size;
    try {
      const bytes = await encodeEntry(entry, this.#settings.zipAbove);
      await this.#client.set(this.#nameOf(key), bytes, 'PX', ttlMs);
      this.#refusesWrites = false;
    } catch (error) {
      // No answer in time is not news: the next read will tell whether the server is well.
      if (isRefusal(error) && !this.#refusesWrites) {
        this.#refusesWrites = true;
        this.#log.warn({ reason: error.message }, 'redis takes no entries, going on without storing');
      }
    } finally {
      this.#pendingWrites--;
      this.#pendingBytes -= size;
    }
  }

  async #connect(): Promise<void> {
    const client = await createClient(this.#settings.url);
    const breaker = new Breaker(client, this.#clock, this.#log);
    this.#client = client;
    this.#breaker = breaker;
    // What goes wrong is told by the client's events, too.
    client.connect().catch(() => undefined);
    const patience = Promise.withResolvers<void>();
    const cancel = this.#clock.setTimeout(patience.resolve, FIRST_CONNECT_MS);
    await Promise.race([breaker.firstVerdict, patience.promise]);
    cancel();
  }

  /** Disconnects after the last user, when what is being written is out. */
  async #close(): Promise<void> {
    this.#users--;
    if (this.#users > 0) return;
    const client = this.#client;
    const isAway = this.#isAway;
    this.#breaker?.end();
    this.#client = undefined;
    if (!isAway) await client?.quit().catch(() => undefined);
    client?.disconnect();
  }

  get #isAway(): boolean {
    return this.#breaker?.isOpen ?? true;
  }

  async #ask(key: string, script: string): Promise<Found> {
    const client = this.#client;
    if (this.#isAway || !client) return { kind: 'away' };
    const name = this.#nameOf(key);
    const token = randomUUID();
    this.#batchWrites(client);
    try {
      const answer = await client.callBuffer('EVAL', script, 2, name, leaseOf(name), token, LEASE_MS);
      if (Buffer.isBuffer(answer)) {
        const entry = await decodeEntry(answer, this.#settings.maxEntryBytes);
        return entry && entry.expiresAt > this.#clock.now()
          ? { kind: 'entry', entry }
          : { kind: 'missing', lease: undefined };
      }
      if (answer === 1) return { kind: 'awaited' };
      return { kind: 'missing', lease: script === TAKE ? this.#hold(client, name, token) : undefined };
    } catch (error) {
      if (!isRefusal(error)) this.#breaker?.trip(error, name);
      return { kind: 'away' };
    }
  }

  /** Lookups of one turn of the event loop leave in one write: system calls are most of what they cost. */
  #batchWrites(client: RedisClient): void {
    if (this.#isBatching || !('stream' in client)) return;
    const { stream } = client;
    this.#isBatching = true;
    stream.cork();
    setImmediate(() => {
      this.#isBatching = false;
      stream.uncork();
    });
  }

  /** Renews a lease until it is released. */
  #hold(client: RedisClient, name: string, token: string): Lease {
    const run = (script: string, ...more: readonly number[]) => {
      if (this.#isAway) return;
      client.callBuffer('EVAL', script, 1, leaseOf(name), token, ...more).catch(() => undefined);
    };
    let cancel: () => void;
    const renewLater = () => {
      cancel = this.#clock.setTimeout(() => {
        run(RENEW, LEASE_MS);
        renewLater();
      }, LEASE_MS / 3);
    };
    renewLater();
    return {
      release() {
        cancel();
        run(RELEASE);
      },
    };
  }

  /** The braces keep an entry and its lease on one node of a cluster. */
  #nameOf(key: string): string {
    return `${this.#settings.namespace}:${VERSION}:{${key}}`;
  }
}

function leaseOf(name: string): string {
  return `${name}:lease`;
}

/** Did the server itself say no (full, read-only, no rights)? Then it is well enough to say so. */
function isRefusal(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}
