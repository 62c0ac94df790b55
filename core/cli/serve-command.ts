import type { Flags } from '../config/aliases.ts';
import { loadConfig } from '../config/load.ts';
import { createLog } from './log.ts';
import { explainStart } from './start-error.ts';
import { onStopSignals } from './stop-signals.ts';

/**
 * `optigate serve`: serves until a signal ends it, then exits the process: 0 = drained, else 1. Rejects if it cannot
 * start.
 */
export async function serveCommand(options: { path: string | undefined; flags: Flags }): Promise<number> {
  const [config, { startServer }] = await Promise.all([loadConfig(options), import('../process/start.ts')]);
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
    // Exits although connections to upstreams may still be open.
    process.exit(exitCode);
  } catch (error) {
    flush();
    throw explainStart(error, config);
  }
}
