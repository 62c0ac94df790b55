/**
 * Entries in Redis. A slow Redis does not slow down requests: a lookup takes 35 ms at most, then Redis counts as away,
 * and no request waits for a write. The processes that share a Redis also share calls under way, by a lease per key:
 * the holder makes the call, the others wait for its entry. Without leases only more calls would be made.
 */
import { randomUUID } from 'node:crypto';
import type { Clock, Logger } from '../../../core/index.ts';
import { Breaker } from './breaker.ts';
import { decodeEntry, encodeEntry, type Entry } from './entry.ts';
import { createClient, type RedisClient } from './redis-client.ts';

/** Where Redis is, and how entries are stored there. */
export interface RedisSettings {
  /** One server, or some nodes of a cluster. */
  readonly url: string | readonly string[];
  /** All keys begin with it. */
  readonly namespace: string;
  readonly maxEntryBytes: number;
  /** Larger bodies are compressed. */
  readonly zipAbove: number;
}

/** What looking for a key found. */
export type Found =
  | { readonly kind: 'entry'; readonly entry: Entry }
  /** There is no entry. With a lease, other processes wait for the one that this process will store. */
  | { readonly kind: 'missing'; readonly lease: Lease | undefined }
  /** There is no entry yet: another process has the lease. */
  | { readonly kind: 'awaited' }
  /** Redis could not be asked, or did not answer in time. */
  | { readonly kind: 'away' };

/** The right to make the call for a key, while other processes wait. Renewed until it is released. */
export interface Lease {
  /** Ends the waiting of other processes. */
  release(): void;
}

/** Version of the layout of keys and entries. Another version does not see these. */
const VERSION = 1;
/** How long a lease lasts without being renewed: other processes wait no longer for one that died. */
const LEASE_MS = 5_000;
/** How long the start waits for the first connection. */
const FIRST_CONNECT_MS = 250;
/** Above these, entries are not written. */
const MAX_PENDING_BYTES = 16 * 1024 * 1024;
const MAX_PENDING_WRITES = 1_000;

/** The entry (a buffer), else 0 = the lease was taken, 1 = it could not be. */
const TAKE = `local entry = redis.call('GET', KEYS[1])
if entry then return entry end
-- pcall: a full server refuses the lease, which is then as good as taken.
if redis.pcall('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return 0 end
return 1`;
/** The entry, else 0 = no process has the lease, 1 = one has. */
const WATCH = `return redis.call('GET', KEYS[1]) or redis.call('EXISTS', KEYS[2])`;
const RENEW = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0`;
const RELEASE = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;

/** The entries of one Redis. */
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

  /**
   * Begins a use. The first one connects and waits 250 ms at most; without a connection Redis is away.
   * @returns  A function that ends the use; the last one disconnects.
   */
  async open(): Promise<() => Promise<void>> {
    this.#users++;
    if (this.#users === 1) await this.#connect();
    return () => this.#close();
  }

  /** Can it be read and written? */
  get isUp(): boolean {
    return !this.#isAway && !this.#refusesWrites;
  }

  /** Looks for an entry and takes the lease if there is none, in one round trip. */
  find(key: string): Promise<Found> {
    return this.#ask(key, TAKE);
  }

  /** Looks again for an awaited entry, without taking the lease: it may be there, awaited, or given up (missing). */
  watch(key: string): Promise<Found> {
    return this.#ask(key, WATCH);
  }

  /** Writes an entry. Resolves when it is written or given up; never rejects. Requests need not wait for it. */
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
      // A write that gets no answer in time means little: the next read shows whether the server is up.
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
    // The breaker learns of a failure by the client's events.
    client.connect().catch(() => undefined);
    const timeout = Promise.withResolvers<void>();
    const cancel = this.#clock.setTimeout(timeout.resolve, FIRST_CONNECT_MS);
    await Promise.race([breaker.firstVerdict, timeout.promise]);
    cancel();
  }

  /** Ends one use. The last one disconnects, after the commands that were sent were answered. */
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

  /** Sends the lookups of one turn of the event loop in one write: most of their cost is system calls. */
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

  /** Renews a lease that was taken, until it is released. */
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

/** Did the server refuse the command (full, read-only, no rights)? Then it is up. */
function isRefusal(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}
