/** What does an answer from the cache cost, compared with a bare call upstream? */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stop, tie } from '../ipc.ts';
import { race, type Row } from '../measure.ts';
import { benchConfig, freePort, startOptigate } from '../optigate.ts';
import { MODELS, requestBody, TARGET } from '../script.ts';
import type { Question, Stage } from '../stage.ts';

/** How many different requests are made in turn: so many that two equal ones are never open at the same time. */
const DISTINCT = 2_000;

/** Row `exact cache hit in memory`. */
export const cacheHitInMemory: Question = {
  name: 'cache-memory',
  title: 'What does an answer from memory cost, beside a bare call upstream?',
  ask: (stage) => hits(stage, { store: 'memory' }, { name: 'exact cache hit in memory', budget: 0.9, stretch: 0.7 }),
};

/** Row `exact cache hit in Redis`; without figures if there is no redis-server. */
export const cacheHitInRedis: Question = {
  name: 'cache-redis',
  title: 'What does an answer from Redis cost, beside a bare call upstream?',
  async ask(stage) {
    const row = { name: 'exact cache hit in Redis', budget: 1.5, stretch: 1.2 };
    const redis = await startRedis();
    if (!redis) {
      const note = 'skipped: no redis-server on the PATH';
      return [{ ...row, unit: 'µs CPU/request', figureUnit: '×', note }];
    }
    try {
      // `memory_ttl` is so short that an entry has left the memory before its request is made again.
      return await hits(stage, { store: 'redis', url: redis.url, memory_ttl: '1ms' }, row);
    } finally {
      await redis.stop();
    }
  },
};

async function hits(
  { load, bare, upstreamOrigin, seconds, rounds }: Stage,
  cache: object,
  row: Pick<Row, 'name' | 'budget' | 'stretch'>,
): Promise<Row[]> {
  const optigate = await startOptigate({ config: benchConfig(upstreamOrigin, [{ cache }]) });
  try {
    const body = requestBody(MODELS.plain, 600, {}, '#######');
    const job = { ...TARGET, body, concurrency: 16, seconds, distinct: DISTINCT };
    await load.ask('run', { ...job, origin: optigate.origin, seconds: 60, requests: DISTINCT });
    const check = async () => {
      const state = await cacheState(optigate.origin, body.replace('#######', '0000042'));
      if (state !== 'hit') throw new Error(`expected hits, x-optigate-cache was ${state}`);
    };
    await check();
    const costs = await race({ load, bare, optigate, job, rounds, unitsIn: ({ requests }) => requests, check });
    return [{ ...row, unit: 'µs CPU/request', ...costs, figureUnit: '×' }];
  } finally {
    await optigate.stop();
  }
}

async function cacheState(origin: string, body: string): Promise<string | null> {
  const [name, value] = TARGET.headers;
  const headers = { 'content-type': 'application/json', [name]: value };
  const response = await fetch(origin + TARGET.path, { method: 'POST', headers, body });
  await response.arrayBuffer();
  return response.headers.get('x-optigate-cache');
}

/** Starts a Redis server for the bench; undefined if there is no redis-server on the PATH. */
async function startRedis(): Promise<{ url: string; stop(): Promise<void> } | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'optigate-bench-redis-'));
  const port = await freePort();
  const settings = { port: String(port), bind: '127.0.0.1', dir: folder, save: '', appendonly: 'no' };
  const child = spawn(
    'redis-server',
    Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value]),
    {
      stdio: 'ignore',
    },
  );
  tie(child);
  const isStarted = await Promise.race([once(child, 'spawn').then(() => true), once(child, 'error').then(() => false)]);
  const end = async () => {
    if (isStarted) await stop(child);
    await rm(folder, { recursive: true, force: true });
  };
  if (isStarted && (await accepts(port, child))) return { url: `redis://127.0.0.1:${port}`, stop: end };
  await end();
  return undefined;
}

/** Waits until the port accepts connections; false if the child ends before. */
async function accepts(port: number, child: ChildProcess): Promise<boolean> {
  while (child.exitCode === null) {
    const socket = connect(port, '127.0.0.1');
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => setTimeout(() => resolve(false), 20));
    });
    socket.destroy();
    if (isOpen) return true;
  }
  return false;
}
