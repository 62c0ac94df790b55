import type { Cluster, Redis, RedisOptions } from 'ioredis';

export type RedisClient = Redis | Cluster;

/** No command may take longer. What is left of 50 ms is for timers that fire late. */
const COMMAND_TIMEOUT_MS = 35;
const SLOWEST_RECONNECT_MS = 1_000;

/**
 * Fails fast instead of queueing: nothing waits for a connection, nothing is sent twice. ioredis is loaded here, for those
 * alone who use it. Connects when told to.
 */
export async function createClient(url: string | readonly string[]): Promise<RedisClient> {
  const ioredis = await import('ioredis');
  const retryStrategy = (attempt: number) => Math.min(50 * 2 ** (attempt - 1), SLOWEST_RECONNECT_MS);
  const options = {
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: 1_000,
    // A hung server does not close its end.
    disconnectTimeout: 100,
    enableOfflineQueue: false,
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
