import type { Cluster, Redis, RedisOptions } from 'ioredis';

/** A client of one server, or of a cluster. */
export type RedisClient = Redis | Cluster;

/** No command waits longer. A lookup may take 50 ms; the rest is for timers that fire late. */
const COMMAND_TIMEOUT_MS = 35;
const SLOWEST_RECONNECT_MS = 1_000;

/**
 * A client that is not connected yet. It fails at once instead of queueing: no command waits for a connection, and none
 * is sent twice. ioredis is imported here, only if it is used.
 * @param url  Of one server, or of several nodes of a cluster, which share the first one's user, password and TLS.
 */
export async function createClient(url: string | readonly string[]): Promise<RedisClient> {
  const ioredis = await import('ioredis');
  const retryStrategy = (attempt: number) => Math.min(50 * 2 ** (attempt - 1), SLOWEST_RECONNECT_MS);
  const options = {
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: 1_000,
    // Needed for a hung server, which does not close its end.
    disconnectTimeout: 100,
    enableOfflineQueue: false,
    // It would ask for INFO, which not every user may. The breaker's own probe shows whether the server is ready.
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    lazyConnect: true,
    retryStrategy,
  } satisfies RedisOptions;
  if (typeof url === 'string') return new ioredis.Redis(url, options);
  const { username, password, protocol } = new URL(url[0] ?? '');
  return new ioredis.Cluster([...url], {
    enableOfflineQueue: false,
    lazyConnect: true,
    clusterRetryStrategy: retryStrategy,
    slotsRefreshTimeout: 1_000,
    redisOptions: {
      ...options,
      ...(username ? { username: decodeURIComponent(username) } : {}),
      ...(password ? { password: decodeURIComponent(password) } : {}),
      ...(protocol === 'rediss:' ? { tls: {} } : {}),
    },
  });
}
