/** The load generator, in a process of its own: keeps a number of requests open at the same time, for some seconds. */
import { Pool, type Dispatcher } from 'undici';
import { offer } from './ipc.ts';

/** Where requests go. */
export interface Target {
  readonly origin: string;
  readonly path: string;
  readonly headers: readonly string[];
}

/** One round of load. */
export interface Job extends Target {
  /** `#######` in it is replaced by the request's number, so that bodies differ. */
  readonly body: string;
  /** How many requests are open at the same time. */
  readonly concurrency: number;
  readonly seconds: number;
  /** Stops earlier, after this number of requests. */
  readonly requests?: number;
  /** The number of the first request. Default: 0. */
  readonly from?: number;
  /** How many different numbers there are; then they begin again from 0. */
  readonly distinct?: number;
}

/** What one round came to. */
export interface Report {
  readonly requests: number;
  /** Events of all streams, without `[DONE]`. */
  readonly chunks: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** What the helper process can do. */
export type Load = {
  run(job: Job): Promise<Report>;
  /** Opens streams and keeps them open. Resolves when all have begun. */
  open(job: Target & { body: string; streams: number }): Promise<number>;
  /** Drops the open streams. */
  close(options: object): Promise<void>;
};

const NUMBER = '#######';
const EVENT = Buffer.from('data: {');
let held: Pool | undefined;

offer({
  run: async ({ origin, path, headers, body, concurrency, seconds, requests = Infinity, from = 0, distinct = 1e7 }) => {
    const pool = new Pool(origin, { connections: concurrency, pipelining: 1 });
    const same = body.includes(NUMBER) ? undefined : Buffer.from(body);
    const times: number[] = [];
    let started = 0;
    let chunks = 0;
    const startedAt = performance.now();
    const endsAt = startedAt + seconds * 1000;
    const worker = async () => {
      while (started < requests && performance.now() < endsAt) {
        const number = String((from + started++) % distinct).padStart(NUMBER.length, '0');
        const at = performance.now();
        const events = await request(pool, { path, headers, body: same ?? Buffer.from(body.replace(NUMBER, number)) });
        chunks += events;
        times.push(performance.now() - at);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
    const took = (performance.now() - startedAt) / 1000;
    await pool.close();
    times.sort((a, b) => a - b);
    const quantile = (q: number) => times[Math.floor(times.length * q)] ?? 0;
    return { requests: times.length, chunks, seconds: took, p50Ms: quantile(0.5), p99Ms: quantile(0.99) };
  },
  open: async ({ origin, path, headers, body, streams }) => {
    const pool = (held = new Pool(origin, { connections: streams, pipelining: 1, bodyTimeout: 0 }));
    const sent = Buffer.from(body);
    // In groups, so that no listen queue overflows.
    for (let opened = 0; opened < streams; opened += 50) {
      const group = Array.from({ length: Math.min(50, streams - opened) }, () =>
        begun(pool, { path, headers, body: sent }),
      );
      await Promise.all(group);
    }
    return streams;
  },
  close: async () => held?.destroy(),
} satisfies Load);

interface Sent {
  readonly path: string;
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** Makes a request and reads its answer. Resolves to the number of events in it; rejects unless it is a 200. */
function request(pool: Pool, sent: Sent): Promise<number> {
  return new Promise((resolve, reject) => {
    let status = 0;
    let events = 0;
    let refusal = '';
    dispatch(pool, sent, {
      onResponseStart: (_, code) => void (status = code),
      onResponseData: (_, chunk) => {
        if (status === 200) events += countEvents(chunk);
        else refusal += chunk.toString();
      },
      onResponseEnd: () => (status === 200 ? resolve(events) : reject(new Error(`status ${status}: ${refusal}`))),
      onResponseError: (_, error) => reject(error),
    });
  });
}

/** Opens a stream. Resolves when its first bytes have come. */
function begun(pool: Pool, sent: Sent): Promise<void> {
  return new Promise((resolve, reject) => {
    dispatch(pool, sent, {
      onResponseStart: (_, status) => (status === 200 ? undefined : reject(new Error(`status ${status}`))),
      onResponseData: () => resolve(),
      onResponseEnd: () => reject(new Error('a stream ended')),
      onResponseError: (_, error) => reject(error),
    });
  });
}

function dispatch(pool: Pool, { path, headers, body }: Sent, handler: Dispatcher.DispatchHandler): void {
  const sent = ['content-type', 'application/json', ...headers];
  pool.dispatch({ path, method: 'POST', headers: sent, body }, { onRequestStart: () => undefined, ...handler });
}

function countEvents(chunk: Buffer): number {
  let count = 0;
  for (let at = chunk.indexOf(EVENT); at >= 0; at = chunk.indexOf(EVENT, at + EVENT.length)) count++;
  return count;
}
