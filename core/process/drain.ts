import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import type { Gateway } from '../gateway.ts';

/** The end of a server, at SIGTERM. */
export interface Drain {
  /** Accepts no more connections and waits for open requests, for `drain_timeout` at most. Then `closed` resolves. */
  readonly drain: () => void;
  /** Exit code: 0 = drained, 1 = not drained in time, or a plugin's shutdown failed. */
  readonly closed: Promise<number>;
}

/** What is drained. */
export interface Draining {
  readonly server: Server;
  readonly gateway: Gateway;
  readonly state: { isDraining: boolean };
  readonly log: Logger;
  /** The open connections, whether a request came on them or not. */
  readonly connections: ReadonlySet<Socket>;
  /** How many requests are open. */
  readonly open: () => number;
  readonly timeoutMs: number;
}

/** Prepares the drain; it begins with `drain()`, and further calls of that do nothing. */
export function createDrain({ server, gateway, state, log, connections, open, timeoutMs }: Draining): Drain {
  const { promise: closed, resolve: finish } = Promise.withResolvers<number>();
  const drain = () => {
    if (state.isDraining) return;
    state.isDraining = true;
    log.info({ open: open() }, 'draining');
    const timer = setTimeout(() => {
      log.warn({ open: open() }, 'not drained in time');
      server.closeAllConnections();
      finish(1);
    }, timeoutMs);
    server.close(() => {
      clearTimeout(timer);
      void gateway.close().then(
        () => finish(0),
        (error: unknown) => {
          log.error({ err: error }, 'shutdown failed');
          finish(1);
        },
      );
    });
    server.closeIdleConnections();
    // To Node, a connection on which nothing came yet is not idle, and would hold the server open.
    for (const socket of connections) if (socket.bytesRead === 0) socket.destroy();
  };
  return { drain, closed };
}
