/**
 * The scripted upstream, in a process of its own. The model's name selects an answer of 1 KB, a stream at an even pace,
 * a stream that never ends, or an answer after a constant delay.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { replyTo } from '../test/support/any-reply.ts';
import { offer } from './ipc.ts';
import { CHUNKS_PER_STREAM, DELAY_MS, MODELS } from './script.ts';

const CHUNK_EVERY_MS = 5;
const OPEN_CHUNK_EVERY_MS = 1_000;

/** When one delayed call began and ended, in ms. */
export interface Interval {
  readonly start: number;
  readonly end: number;
}

/** What the helper process can do. */
export type Upstream = {
  start(options: object): Promise<{ origin: string }>;
  /** Returns the delayed calls since it was asked last. */
  intervals(options: object): Interval[];
};

const intervals: Interval[] = [];
const streams = new Map<ServerResponse, number>();
const openStreams = new Set<ServerResponse>();

const HEAD = { id: 'chatcmpl-bench', created: 1_700_000_000, model: 'bench' };
const PLAIN = Buffer.from(
  JSON.stringify({
    ...HEAD,
    object: 'chat.completion',
    choices: [choice(0, 'x'.repeat(700))],
    usage: usage(1),
    padding: '',
  }).replace('"padding":""', `"padding":"${'p'.repeat(60)}"`),
);
const CHUNK = chunk({ content: ' token' }, null);
const ENDING = Buffer.concat([chunk({}, 'stop'), Buffer.from('data: [DONE]\n\n')]);

offer({
  start: async () => {
    const server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => answer(Buffer.concat(parts), response));
    });
    server.keepAliveTimeout = 120_000;
    setInterval(stepStreams, CHUNK_EVERY_MS);
    setInterval(() => {
      for (const response of openStreams) response.write(CHUNK);
    }, OPEN_CHUNK_EVERY_MS);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 4096, resolve));
    return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  },
  intervals: () => intervals.splice(0),
} satisfies Upstream);

function answer(body: Buffer, response: ServerResponse): void {
  if (body.includes(MODELS.stream)) {
    beginStream(response);
    streams.set(response, CHUNKS_PER_STREAM - 1);
    response.once('close', () => streams.delete(response));
  } else if (body.includes(MODELS.open)) {
    beginStream(response);
    openStreams.add(response);
    response.once('close', () => openStreams.delete(response));
  } else if (body.includes(MODELS.delay)) delayed(body, response);
  else sendJson(response, PLAIN);
}

function beginStream(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  response.write(CHUNK);
}

/** Writes one chunk to each stream, each in a write of its own, so that it is also read on its own downstream. */
function stepStreams(): void {
  for (const [response, left] of streams) {
    if (left > 0) {
      streams.set(response, left - 1);
      response.write(CHUNK);
    } else {
      streams.delete(response);
      response.end(ENDING);
    }
  }
}

/** Answers after the delay. Honours `n`, and answers prompts of any role of an approach as they ask. */
function delayed(body: Buffer, response: ServerResponse): void {
  const start = performance.now();
  const request = JSON.parse(body.toString()) as { n?: number; messages: [] };
  setTimeout(() => {
    const choices = Array.from({ length: request.n ?? 1 }, (_, index) =>
      choice(index, replyTo(request, `${start}/${index}`)),
    );
    sendJson(
      response,
      Buffer.from(JSON.stringify({ ...HEAD, object: 'chat.completion', choices, usage: usage(choices.length) })),
    );
    intervals.push({ start, end: performance.now() });
  }, DELAY_MS);
}

function sendJson(response: ServerResponse, body: Buffer): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
}

function choice(index: number, content: string): object {
  return { index, message: { role: 'assistant', content }, finish_reason: 'stop' };
}

function usage(count: number): object {
  return { prompt_tokens: 100, completion_tokens: 50 * count, total_tokens: 100 + 50 * count };
}

function chunk(delta: object, finish: string | null): Buffer {
  const body = { ...HEAD, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finish }] };
  return Buffer.from(`data: ${JSON.stringify(body)}\n\n`);
}
