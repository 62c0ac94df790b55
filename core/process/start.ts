import type { AddressInfo, Socket } from 'node:net';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { buildServer, type BuildDeps } from './build.ts';
import { createDrain, type Drain } from './drain.ts';
import { createListener } from './listener.ts';
import { reportStart } from './start-report.ts';

/** A server that listens. */
export interface RunningServer extends Drain {
  /** `http://127.0.0.1:8000` */
  readonly address: string;
}

/** Builds a configuration's pipeline and listens. Throws if it cannot be built, or the port cannot be used. */
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
      // Node keeps a connection whose last answer began before the drain open until its keep-alive ends.
      setImmediate(() => server.closeIdleConnections());
    });
    if (state.isDraining) response.setHeader('connection', 'close');
    app.route(request, response);
  });
  const connections = new Set<Socket>();
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
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
  reportStart(log, { gateway, config, address });

  const { drain, closed } = createDrain({
    server,
    gateway,
    state,
    log,
    connections,
    open: () => open,
    timeoutMs: config.server.drainTimeoutMs,
  });
  return { address, drain, closed };
}

function addressOf(address: AddressInfo | string | null, config: Config): string {
  const port = typeof address === 'object' && address !== null ? address.port : config.server.port;
  const { host } = config.server;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
