/**
 * Entries in Redis. A slow Redis does not slow down requests: a lookup takes 35 ms at most, then Redis counts as away,
 * and no request waits for a write. The processes that share a Redis also share calls under way, by a lease per key:
 * the holder makes the call, the others wait for its entry. Without leases only more calls would be made.
 */
import { randomUUID } from 'node:crypto';
import type { Clock, Logger } from '../../../core/index.ts';
import { Breaker } from './breaker.ts';
import { isForbidden, isRefusal, LEASE_MS, plain, scripted, type Commands, type LeaseKey } from './commands.ts';
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
/** How long the start waits for the first connection. */
const FIRST_CONNECT_MS = 250;
/** Above these, entries are not written. */
const MAX_PENDING_BYTES = 16 * 1024 * 1024;
const MAX_PENDING_WRITES = 1_000;

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
  #refusesReads = false;
  #commands: Commands | undefined;
  /** Scripts are not run for this user. */
  #isPlain = false;
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
    return !this.#isAway && !this.#refusesWrites && !this.#refusesReads;
  }

  /** Looks for an entry and takes the lease if there is none, in one round trip. */
  find(key: string): Promise<Found> {
    return this.#ask(key, 'take');
  }

  /** Looks again for an awaited entry, without taking the lease: it may be there, awaited, or given up (missing). */
  watch(key: string): Promise<Found> {
    return this.#ask(key, 'watch');
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
    const breaker = new Breaker(client, this.#nameOf('probe'), this.#clock, this.#log);
    this.#client = client;
    this.#commands = this.#isPlain ? plain(client) : scripted(client);
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

  async #ask(key: string, what: 'take' | 'watch'): Promise<Found> {
    const client = this.#client;
    const commands = this.#commands;
    if (this.#isAway || !client || !commands) return { kind: 'away' };
    const name = this.#nameOf(key);
    const lease = { key: `${name}:lease`, token: randomUUID() };
    this.#batchWrites(client);
    try {
      const looked = await commands[what](name, lease);
      this.#refusesReads = false;
      if (Buffer.isBuffer(looked)) {
        const entry = await decodeEntry(looked, this.#settings.maxEntryBytes);
        return entry && entry.expiresAt > this.#clock.now()
          ? { kind: 'entry', entry }
          : { kind: 'missing', lease: undefined };
      }
      if (looked === 'held') return { kind: 'awaited' };
      return { kind: 'missing', lease: looked === 'taken' ? this.#hold(lease) : undefined };
    } catch (error) {
      if (!isRefusal(error)) this.#breaker?.trip(error, name);
      else if (isForbidden(error) && this.#doWithoutScripts(client, commands, error)) return this.#ask(key, what);
      else this.#noteRefusedRead(error);
      return { kind: 'away' };
    }
  }

  /** Goes on with plain commands. False if it is done so already: then the rights do not suffice for those, either. */
  #doWithoutScripts(client: RedisClient, failed: Commands, error: Error): boolean {
    if (this.#isPlain) return failed !== this.#commands;
    this.#isPlain = true;
    this.#commands = plain(client);
    this.#log.warn(
      { reason: error.message },
      'redis runs no scripts for this user (EVAL), going on with plain commands',
    );
    return true;
  }

  #noteRefusedRead(error: Error): void {
    // Something else lies under this one key: that says nothing of the others.
    if (error.message.startsWith('WRONGTYPE') || this.#refusesReads) return;
    this.#refusesReads = true;
    this.#log.warn({ reason: error.message }, 'redis gives no entries, going on without the cache');
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
  #hold(lease: LeaseKey): Lease {
    const send = (what: 'renew' | 'release') => {
      if (!this.#isAway) this.#commands?.[what](lease).catch(() => undefined);
    };
    let cancel: () => void;
    const renewLater = () => {
      cancel = this.#clock.setTimeout(() => {
        send('renew');
        renewLater();
      }, LEASE_MS / 3);
    };
    renewLater();
    return {
      release() {
        cancel();
        send('release');
      },
    };
  }

  /** The braces keep an entry and its lease on one node of a cluster. */
  #nameOf(key: string): string {
    return `${this.#settings.namespace}:${VERSION}:{${key}}`;
  }
}
