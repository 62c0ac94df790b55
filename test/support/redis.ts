import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from './free-port.ts';

/** A redis-server of a test's own, to be paused, killed and brought back. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** SIGSTOP: connections stay open, nothing answers. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same port, empty. */
  restart(): Promise<void>;
  /** Ends it for good and removes its folder. */
  stop(): Promise<void>;
}

/**
 * Starts a redis-server on a free port of the loopback interface, keeping nothing on disk.
 * @param settings  Further command line settings: `['--maxmemory', '2mb']`.
 */
export async function startRedis(settings: readonly string[] = []): Promise<RedisServer> {
  ensureRedis();
  // Short, so that a unix socket in it would fit into its 108 bytes.
  const folder = await mkdtemp(join(tmpdir(), 'og-redis-'));
  let { child, port } = await launch(folder, settings);

  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    kill,
    async restart() {
      await kill();
      ({ child, port } = await launch(folder, settings, port));
    },
    async stop() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Takes a few tries: a free port may be somebody else's by the time the server asks for it. */
async function launch(folder: string, settings: readonly string[], fixedPort?: number) {
  for (let attempt = 1; ; attempt++) {
    const port = fixedPort ?? (await freePort());
    const child = spawn(
      'redis-server',
      ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no', ...settings],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const output: string[] = [];
    if (await becomesReady(child, output)) return { child, port };
    if (attempt === 5) throw new Error(`redis-server does not start:\n${output.join('\n')}`);
  }
}

async function becomesReady(child: ChildProcess, output: string[]): Promise<boolean> {
  if (!child.stdout) return false;
  const lines = createInterface({ input: child.stdout });
  const isReady = new Promise<boolean>((resolve) => {
    lines.on('line', (line) => {
      output.push(line);
      if (line.includes('Ready to accept connections')) resolve(true);
    });
    child.once('exit', () => resolve(false));
  });
  const ready = await isReady;
  lines.close();
  child.stdout.resume();
  return ready;
}

/** Finds redis-server in PATH; where it is missing and we are root on a Debian, installs it, else says how to get it. */
function ensureRedis(): void {
  if (isInPath('redis-server')) return;
  if (process.getuid?.() === 0 && isInPath('apt-get')) {
    spawnSync('apt-get', ['update', '-qq'], { stdio: 'ignore' });
    spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'redis-server'], {
      stdio: 'ignore',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
    });
    if (isInPath('redis-server')) return;
  }
  throw new Error(
    "The tests need 'redis-server' in the PATH and start it themselves. Get it with 'apt-get install redis-server', " +
      "'dnf install redis', 'apk add redis' or 'brew install redis'.",
  );
}

function isInPath(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;
}
