import { createRequire } from 'node:module';
import type { Pool } from 'undici';
import type { Upstream } from '../exchange/upstream.ts';

const UndiciPool = loadPool();

/**
 * Connections to upstreams: one pool per origin and connection settings. They outlive a pipeline, so that a reload
 * keeps them.
 */
export interface Pools {
  for(upstream: Upstream): Target;
  /** Ends all connections, running requests included. */
  close(): Promise<void>;
}

/** undici's pool, without what only the whole of undici adds to it: `request`, `stream`, `pipeline`. */
export type DispatchPool = Pick<Pool, 'dispatch' | 'close' | 'destroy' | 'closed' | 'stats'>;

/** Where requests to an upstream are sent. */
export interface Target {
  readonly pool: DispatchPool;
  /** The path of the upstream's base URL, which goes before each request's path. No trailing slash. */
  readonly prefix: string;
}

/** The limits of the pools. */
export interface PoolsOptions {
  /** Connections per pool. A request that finds none free waits. Default: 1024, far more than the streams to expect. */
  readonly connections?: number;
  /** How many pools are kept. Beyond, those without requests are closed, oldest first. Default: 64. */
  readonly maxPools?: number;
}

/** Creates the pools; each is opened for its first request. */
export function createPools({ connections = 1_024, maxPools = 64 }: PoolsOptions = {}): Pools {
  const pools = new Map<string, DispatchPool>();
  const addresses = new WeakMap<Upstream, { readonly key: string; readonly origin: string; readonly prefix: string }>();

  const addressOf = (upstream: Upstream) => {
    let address = addresses.get(upstream);
    if (!address) {
      const { origin, pathname } = new URL(upstream.baseUrl);
      const { tls, connectTimeoutMs } = upstream.settings;
      const key = JSON.stringify([origin, tls.verify, tls.ca ?? null, connectTimeoutMs]);
      address = { key, origin, prefix: pathname.replace(/\/+$/, '') };
      addresses.set(upstream, address);
    }
    return address;
  };
  const closeIdle = () => {
    for (const [key, pool] of pools) {
      if (pools.size < maxPools) return;
      if (pool.stats.size > 0) continue;
      pools.delete(key);
      void pool.close();
    }
  };
  return {
    for(upstream) {
      const { key, origin, prefix } = addressOf(upstream);
      let pool = pools.get(key);
      if (!pool) {
        closeIdle();
        pool = openPool(origin, upstream, connections);
        pools.set(key, pool);
      }
      return { pool, prefix };
    },
    async close() {
      const open = [...pools.values()];
      pools.clear();
      await Promise.all(open.map((pool) => pool.destroy()));
    },
  };
}

function openPool(origin: string, { settings }: Upstream, connections: number): DispatchPool {
  const { tls, connectTimeoutMs } = settings;
  return new UndiciPool(origin, {
    connections,
    pipelining: 1,
    // HTTP/2 would put all streams on one connection, and one failure would break them all.
    allowH2: false,
    connect: {
      timeout: connectTimeoutMs,
      rejectUnauthorized: tls.verify,
      ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    },
  });
}

/**
 * undici's pool alone. All of undici would be 90 more modules (fetch, mocks, caches), which take 90 ms at the start and
 * 14 MB, and nothing here uses them. The file is no part of undici's promised API: if it moves, all of undici does.
 */
function loadPool(): typeof Pool {
  const require = createRequire(import.meta.url);
  try {
    return require('undici/lib/dispatcher/pool.js') as typeof Pool;
  } catch {
    return (require('undici') as { Pool: typeof Pool }).Pool;
  }
}
