/** Starts the real program as a user would, with a configuration for the bench. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pidOf, stop, tie } from './ipc.ts';
import { ACCESS_KEY } from './script.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCE = join(ROOT, 'core/cli/optigate.js');
const BUILT = join(ROOT, 'dist/core/cli/optigate.js');
const START_LIMIT_MS = 30_000;

/** A running optigate. */
export interface Program {
  readonly pid: number;
  readonly origin: string;
  /** From the start of the process to the first 200 of `/ready`. */
  readonly readyMs: number;
  stop(): Promise<void>;
}

/** How to start optigate. */
export interface StartOptions {
  /** Absent = the shipped configuration. */
  readonly config?: object;
  /** Run the build in `dist`, if there is one, instead of the source. */
  readonly preferBuilt?: boolean;
}

/** Is there a build in `dist`? */
export function hasBuild(): boolean {
  return existsSync(BUILT);
}

/** The configuration of measured programs: auth with an access key, retry, and metrics if there is such a plugin. */
export function benchConfig(upstream: string, plugins: readonly unknown[] = []): object {
  const metrics = existsSync(join(ROOT, 'plugins/gateway/metrics.ts')) ? ['metrics'] : [];
  return {
    upstreams: { bench: { provider: 'openai', base_url: `${upstream}/v1`, api_key: 'sk-bench' } },
    plugins: [
      { auth: { mode: 'server', keys: [{ name: 'bench', key: ACCESS_KEY }] } },
      'retry',
      ...metrics,
      ...plugins,
    ],
  };
}

/** Starts optigate and waits until it is ready. Throws with its complaint if it does not start within 30 s. */
export async function startOptigate({ config, preferBuilt = false }: StartOptions): Promise<Program> {
  const folder = await mkdtemp(join(tmpdir(), 'optigate-bench-'));
  const port = await freePort();
  const args = ['serve', '--host', '127.0.0.1', '--port', String(port)];
  if (config) {
    // JSON is valid YAML.
    await writeFile(join(folder, 'config.yaml'), JSON.stringify(config));
    args.push('--config', join(folder, 'config.yaml'));
  }
  const startedAt = performance.now();
  const child = spawn(process.execPath, [preferBuilt && hasBuild() ? BUILT : SOURCE, ...args], {
    cwd: ROOT,
    // With a key, the shipped configuration does not look for a model server.
    env: { ...process.env, OPENAI_API_KEY: 'sk-bench', NODE_ENV: 'production' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  tie(child);
  let complaint = '';
  child.stderr.on('data', (text: Buffer) => (complaint = (complaint + text.toString()).slice(-2_000)));
  const end = async () => {
    await stop(child);
    await rm(folder, { recursive: true, force: true });
  };
  while (!(await isReady(port))) {
    if (child.exitCode === null && performance.now() - startedAt < START_LIMIT_MS) continue;
    await end();
    throw new Error(`optigate did not start: ${complaint.trim() || `exit code ${child.exitCode}`}`);
  }
  const readyMs = performance.now() - startedAt;
  return { pid: pidOf(child), origin: `http://127.0.0.1:${port}`, readyMs, stop: end };
}

/** A TCP port that is free at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Asks `/ready` once. Waits 5 ms before it resolves to false. */
function isReady(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const later = () => setTimeout(() => resolve(false), 5);
    const request = get({ port, path: '/ready', agent: false }, (response) => {
      response.resume();
      if (response.statusCode === 200) resolve(true);
      else later();
    });
    request.on('error', later);
  });
}
