/** The cache alone in a pipeline: both onions, no network, a scripted leaf in place of the upstream. */
import fastify from 'fastify';
import type { CheckState } from '../../../../core/plugin/define.ts';
import { pluginRecord } from '../../../../core/plugin/define.ts';
import { systemClock, type Clock } from '../../../../core/clock.ts';
import { Call, type ChatRequest, type Exchange, type Handler, type Plan } from '../../../../core/index.ts';
import { createHooks } from '../../../../core/hooks.ts';
import { createKept, type Kept } from '../../../../core/kept.ts';
import { ByteStream, completeReply, Payload, streamReply } from '../../../../core/index.ts';
import type { HeaderList, Operation, Reply } from '../../../../core/index.ts';
import type { Upstream } from '../../../../core/exchange/upstream.ts';
import { exchangeOf, NO_LOG, plainPlan, QUESTION } from '../../../support/exchange.ts';
import { upstreamAt } from '../../../support/upstream-call.ts';
import cache from '../../../../plugins/gateway/cache/index.ts';

export const SERVER_KEY = 'sk-server';

export function upstreamNamed(name: string): Upstream {
  return upstreamAt('http://127.0.0.1:1', { name, key: SERVER_KEY });
}

export interface Ask {
  readonly body?: object;
  /** The body's own bytes, where they matter. */
  readonly bytes?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly operation?: Operation;
  readonly path?: string;
  readonly identity?: string;
  /** The caller's own upstream key. */
  readonly key?: string;
  readonly signal?: AbortSignal;
  readonly plan?: Partial<Plan>;
}

export interface Asked {
  readonly exchange: Exchange;
  readonly reply: Reply;
  /** `x-optigate-cache`. */
  readonly cache: string | undefined;
  /** The whole body. Rejects as the body does. */
  text(): Promise<string>;
}

export interface Pipeline {
  /** Calls that reached the leaf. */
  readonly calls: readonly Call[];
  ask(ask?: Ask): Promise<Asked>;
  check(name: string): Promise<CheckState>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export function cachedExchange(ask: Ask = {}, upstream: Upstream = UPSTREAM): Exchange {
  const { body = QUESTION, bytes, identity = 'alice', key, headers, plan, ...rest } = ask;
  const exchange = exchangeOf({
    ...rest,
    body: bytes === undefined ? body : Buffer.from(bytes),
    headers: { 'content-type': 'application/json', ...headers },
    identity: { id: identity, ...(key === undefined ? {} : { upstreamKey: key }) },
  });
  exchange.plan = plainPlan(upstream, exchange.request as Payload<ChatRequest>, plan);
  exchange.home = upstream;
  exchange.ledger.budget = exchange.plan.budget;
  return exchange;
}

export function callOf(exchange: Exchange): Call {
  const { plan, signal } = exchange;
  if (!plan) throw new Error('no plan');
  return new Call({ exchange, request: plan.request, role: 'answer', upstream: plan.upstream, signal });
}

export const UPSTREAM = upstreamNamed('openai');

/**
 * @param options  The plugin's, as in the file.
 * @param leaf  Answers what the cache lets through.
 */
export async function pipelineOf(
  options: object,
  leaf: Handler,
  { clock = systemClock, kept = createKept() }: { clock?: Clock; kept?: Kept } = {},
): Promise<Pipeline> {
  const hooks = createHooks({ owner: () => 'cache', isSealed: () => false, report: () => undefined });
  const checks = new Map<string, () => CheckState | Promise<CheckState>>();
  const app = fastify();
  const context = {
    hooks,
    approaches: { add: () => undefined },
    providers: { add: () => undefined },
    checks: { add: (name: string, check: () => CheckState | Promise<CheckState>) => void checks.set(name, check) },
    app,
    log: NO_LOG,
    clock,
    upstreams: [],
    keep: kept.keep.bind(kept),
  };
  const parsed = pluginRecord(cache)!.schema.parse(options);
  await app.register(cache, { context, options: parsed } as never);
  await app.ready();

  const calls: Call[] = [];
  const upstreamOnion = hooks.upstream.compose((call) => {
    calls.push(call);
    return leaf(call);
  });
  const answerOnion = hooks.answer.compose((call) => call.exchange.plan!.run(call, upstreamOnion));
  const close = async () => {
    await hooks.shutdown.promise();
    await app.close();
  };
  return {
    calls,
    async ask(ask) {
      const exchange = cachedExchange(ask);
      const reply = await answerOnion(callOf(exchange));
      const body = reply.kind === 'complete' ? [reply.body.bytes] : reply.body;
      return {
        exchange,
        reply,
        cache: exchange.headers.get('x-optigate-cache'),
        text: async () => Buffer.concat(await Array.fromAsync(body)).toString(),
      };
    },
    check: async (name) => (await checks.get(name)?.()) ?? 'down',
    close,
    [Symbol.asyncDispose]: close,
  };
}

export const USAGE = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };

export function completionOf(content: string): object {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1_700_000_000,
    model: 'm-2024',
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
    usage: USAGE,
  };
}

export function complete(content: string, headers?: HeaderList): Reply {
  return completeReply(Payload.fromBytes(Buffer.from(JSON.stringify(completionOf(content)))), 200, headers);
}

/** The events of a streamed answer, one per piece, and the usage chunk unless told otherwise. */
export function eventsOf(pieces: readonly string[], { usage = true } = {}): string[] {
  const base = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1_700_000_000, model: 'm-2024' };
  const choice = (delta: object, finish: string | null = null) => ({
    ...base,
    choices: [{ index: 0, delta, finish_reason: finish }],
    ...(usage ? { usage: null } : {}),
  });
  const chunks = [
    choice({ role: 'assistant', content: '' }),
    ...pieces.map((content) => choice({ content })),
    choice({}, 'stop'),
    ...(usage ? [{ ...base, choices: [], usage: USAGE }] : []),
  ];
  return [...chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`), 'data: [DONE]\n\n'];
}

export function streamed(pieces: readonly string[], options?: { usage?: boolean }): Reply {
  const body = new ByteStream({ pause: () => undefined, resume: () => undefined, cancel: () => undefined });
  for (const event of eventsOf(pieces, options)) body.push(Buffer.from(event));
  body.end();
  return streamReply(body);
}

/** A stream in the test's hands. */
export function openStream() {
  const facts = { isPaused: false, cancelled: undefined as unknown, isCancelled: false };
  const body: ByteStream = new ByteStream({
    pause: () => (facts.isPaused = true),
    resume: () => (facts.isPaused = false),
    cancel: (reason) => {
      facts.isCancelled = true;
      facts.cancelled = reason;
    },
  });
  return { facts, body, reply: streamReply(body), push: (text: string) => body.push(Buffer.from(text)) };
}

/** Resolves when `isTrue` says so; checks between turns of the event loop. */
export async function until(isTrue: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 8_000;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
