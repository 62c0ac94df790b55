import type { Flags } from '../config/aliases.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { createLog } from './log.ts';
import { onStopSignals } from './signals.ts';

/** Serves until a signal ends it. Resolves to 0 where everything was drained, else 1. */
export async function serve(options: { path: string | undefined; flags: Flags }): Promise<number> {
  const [config, { startServer }] = await Promise.all([loadConfig(options), import('../server/start.ts')]);
  const { log, flush } = await createLog(config.log.level, { isTerminal: process.stdout.isTTY });
  process.on('SIGHUP', () => log.warn('SIGHUP: the configuration is read at start only, restart to change it'));
  try {
    const server = await startServer(config, { log });
    onStopSignals({
      drain: () => server.drain(),
      endNow: () => {
        log.warn('a second signal: ending at once');
        flush();
        process.exit(1);
      },
    });
    const exitCode = await server.closed;
    flush();
    // Connections to upstreams may outlive what was drained.
    process.exit(exitCode);
  } catch (error) {
    flush();
    throw explained(error, config);
  }
}

/** The few ways in which a port is not to be had. */
function explained(error: unknown, { server, origins }: Config): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const where = `${server.host}:${server.port}`;
  const key = (path: 'server.port' | 'server.host') => origins[path] ?? path;
  switch (code) {
    case 'EADDRINUSE':
      return new Error(`${key('server.port')}: ${where} is in use by another program`, { cause: error });
    case 'EACCES':
      return new Error(`${key('server.port')}: ${where} may not be used, ports below 1024 need rights`, {
        cause: error,
      });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new Error(`${key('server.host')}: '${server.host}' is no address of this machine`, { cause: error });
    default:
      return error;
  }
}
