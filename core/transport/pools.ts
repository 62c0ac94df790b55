import { createRequire } from 'node:module';
import type { Dispatcher, Pool, ProxyAgent } from 'undici';
import type { Upstream } from '../exchange/upstream.ts';

const require = createRequire(import.meta.url);
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

/** What is used of undici's pool. */
export interface DispatchPool {
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean;
  /** Ends it when what runs has ended. */
  close(): Promise<void>;
  /** Ends it at once. */
  destroy(): Promise<void>;
  readonly closed: boolean;
  /** `size`: requests that wait or run. */
  readonly stats: { readonly size: number };
}

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
      const { tls, connectTimeoutMs, proxy } = upstream.settings;
      const key = JSON.stringify([origin, tls.verify, tls.ca ?? null, connectTimeoutMs, proxy ?? null]);
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
        pool =
          upstream.settings.proxy === undefined
            ? openPool(origin, upstream, connections)
            : openProxied(origin, upstream, connections);
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
 * The same through a proxy: by a tunnel to an `https:` address, by whole addresses in requests to an `http:` one. All of
 * undici is loaded only here: most starts need no proxy, and the tunnel needs the rest.
 */
function openProxied(origin: string, { settings }: Upstream, connections: number): DispatchPool {
  const { proxy = '', tls, connectTimeoutMs } = settings;
  const agent = new (loadAll().ProxyAgent)({
    uri: proxy,
    connections,
    pipelining: 1,
    allowH2: false,
    proxyTls: { timeout: connectTimeoutMs, allowH2: false },
    requestTls: {
      timeout: connectTimeoutMs,
      rejectUnauthorized: tls.verify,
      ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    },
  });
  let closed = false;
  return {
    dispatch: (options, handler) => agent.dispatch({ ...options, origin }, handler),
    close() {
      closed = true;
      return agent.close();
    },
    destroy() {
      closed = true;
      return agent.destroy();
    },
    get closed() {
      return closed;
    },
    // Closing an agent waits for what runs, so that it may be closed at any time.
    stats: IDLE,
  };
}

const IDLE = { size: 0 };

/**
 * undici's pool alone. All of undici would be 90 more modules (fetch, mocks, caches), which take 90 ms at the start and
 * 14 MB, and only proxies use them. The file is no part of undici's promised API: if it moves, all of undici does.
 */
function loadPool(): typeof Pool {
  try {
    return require('undici/lib/dispatcher/pool.js') as typeof Pool;
  } catch {
    return loadAll().Pool;
  }
}

function loadAll(): { readonly Pool: typeof Pool; readonly ProxyAgent: typeof ProxyAgent } {
  return require('undici') as ReturnType<typeof loadAll>;
}
