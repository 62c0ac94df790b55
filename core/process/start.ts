import type { AddressInfo } from 'node:net';
import type { Config } from '../config/config.ts';
import type { Logger } from 'pino';
import { buildServer, type BuildDeps } from './build.ts';
import { createListener } from './listener.ts';

export interface RunningServer {
  /** `http://127.0.0.1:8000` */
  readonly address: string;
  /** Stops accepting, finishes what runs, at most `drain_timeout`; `closed` then resolves. */
  drain(): void;
  /** 0 = drained, 1 = not drained in time. */
  readonly closed: Promise<number>;
}

/** Serves a configuration. Throws when the pipeline cannot be built or the port not be had. */
export async function startServer(
  config: Config,
  options: { log: Logger } & Partial<BuildDeps>,
): Promise<RunningServer> {
  const { log } = options;
  const { gateway, app, state } = await buildServer(config, { detect: true, ...options });
  for (const warning of config.warnings) log.warn(warning);
  if (config.server.workers > 1)
    log.warn({ workers: config.server.workers }, 'more than one worker is not supported yet, running one');

  let open = 0;
  const server = createListener(config, (request, response) => {
    open++;
    response.once('close', () => {
      open--;
      if (!state.isDraining) return;
      // Node would wait out the keep-alive of a connection whose last answer began before the drain.
      setImmediate(() => server.closeIdleConnections());
    });
    if (state.isDraining) response.setHeader('connection', 'close');
    app.route(request, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.server.port, config.server.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  state.isReady = true;
  const address = addressOf(server.address(), config);
  for (const line of gateway.upstreams.keyless?.lines ?? []) log.warn(line);
  log.info(
    { address, upstreams: gateway.upstreams.all.map(({ name }) => name), approach: config.approach ?? 'none' },
    'optigate listens',
  );

  let finish: (code: number) => void;
  const closed = new Promise<number>((resolve) => (finish = resolve));
  const drain = () => {
    if (state.isDraining) return;
    state.isDraining = true;
    log.info({ open }, 'draining');
    const timer = setTimeout(() => {
      log.warn({ open }, 'not drained in time');
      server.closeAllConnections();
      finish(1);
    }, config.server.drainTimeoutMs);
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
  };
  return { address, drain, closed };
}

function addressOf(address: AddressInfo | string | null, config: Config): string {
  const port = typeof address === 'object' && address !== null ? address.port : config.server.port;
  const { host } = config.server;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
