/**
 * What the cache asks of Redis for one key: the entry, and the lease of the call that makes it. By scripts, one round
 * trip each; where the user has no right to run scripts (`EVAL`), by plain commands, whose steps others may come between:
 * then a lease may be lost, and a call made twice.
 */
import type { RedisClient } from './redis-client.ts';

/** The entry, else whether the lease was `taken`, is `held` by another process, or is `free`. */
export type Looked = Buffer | 'taken' | 'held' | 'free';

/** A lease as a key with the token of its holder. */
export interface LeaseKey {
  readonly key: string;
  readonly token: string;
}

/** How long a lease lasts without being renewed: other processes wait no longer for one that died. */
export const LEASE_MS = 5_000;

/** The commands. All reject if Redis does not answer, or refuses. */
export interface Commands {
  /** The entry; if there is none, takes the lease. */
  take(name: string, lease: LeaseKey): Promise<Looked>;
  /** The entry; if there is none, says whether a process has the lease. */
  watch(name: string, lease: LeaseKey): Promise<Looked>;
  /** Prolongs a lease, if it is still held. */
  renew(lease: LeaseKey): Promise<unknown>;
  /** Ends a lease, if it is still held. */
  release(lease: LeaseKey): Promise<unknown>;
}

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

/** Each by one script. */
export function scripted(client: RedisClient): Commands {
  const run = (script: string, keys: readonly string[], ...rest: readonly (string | number)[]) =>
    client.callBuffer('EVAL', script, keys.length, ...keys, ...rest);
  return {
    async take(name, { key, token }) {
      const answer = await run(TAKE, [name, key], token, LEASE_MS);
      if (Buffer.isBuffer(answer)) return answer;
      return answer === 0 ? 'taken' : 'held';
    },
    async watch(name, { key }) {
      const answer = await run(WATCH, [name, key]);
      if (Buffer.isBuffer(answer)) return answer;
      return answer === 1 ? 'held' : 'free';
    },
    renew: ({ key, token }) => run(RENEW, [key], token, LEASE_MS),
    release: ({ key, token }) => run(RELEASE, [key], token),
  };
}

/** Each by plain commands, sent together where they do not depend on each other. */
export function plain(client: RedisClient): Commands {
  const isHeld = async ({ key, token }: LeaseKey) => (await client.get(key)) === token;
  return {
    async take(name, lease) {
      const [entry, taken] = await Promise.all([
        client.getBuffer(name),
        // A full server refuses the lease, which is then as good as taken.
        client.set(lease.key, lease.token, 'PX', LEASE_MS, 'NX').catch(() => 'OK'),
      ]);
      if (!entry) return taken === null ? 'held' : 'taken';
      // It was taken for nothing.
      if (taken !== null) client.del(lease.key).catch(() => undefined);
      return entry;
    },
    async watch(name, { key }) {
      const [entry, count] = await Promise.all([client.getBuffer(name), client.exists(key)]);
      return entry ?? (count > 0 ? 'held' : 'free');
    },
    async renew(lease) {
      if (await isHeld(lease)) await client.pexpire(lease.key, LEASE_MS);
    },
    async release(lease) {
      if (await isHeld(lease)) await client.del(lease.key);
    },
  };
}

/** Did the server refuse the command (full, read-only, no rights)? Then it is up. */
export function isRefusal(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/** Is it a command that this user may not use, or that this server does not have? */
export function isForbidden(error: unknown): boolean {
  return isRefusal(error) && /^NOPERM|unknown command/i.test(error.message);
}
