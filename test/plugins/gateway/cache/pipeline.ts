/** The cache alone in a pipeline: both onions, no network, a scripted leaf in place of the upstream. */
import fastify from 'fastify';
import { pino } from 'pino';
import type { CheckState } from '../../../../core/plugin/define.ts';
import { pluginRecord } from '../../../../core/plugin/define.ts';
import { systemClock, type Clock } from '../../../../core/clock.ts';
import { Call, type ChatRequest, type Exchange, type Handler, type Plan } from '../../../../core/index.ts';
import { createHooks } from '../../../../core/hooks.ts';
import { createKept, type Kept } from '../../../../core/kept.ts';
import { Ledger } from '../../../../core/ledger.ts';
import { ByteStream, completeReply, Payload, ResponseHeaders, streamReply } from '../../../../core/index.ts';
import type { HeaderList, Operation, Reply } from '../../../../core/index.ts';
import { SILENT } from '../../../../core/progress.ts';
import { NO_TRACE } from '../../../../core/trace.ts';
import { Identity } from '../../../../core/upstream/credentials.ts';
import { Upstream } from '../../../../core/upstream/upstream.ts';
import cache from '../../../../plugins/gateway/cache/index.ts';

/** Time that moves when it is told to. */
export interface SteppedClock extends Clock {
  advance(ms: number): void;
}

export function steppedClock(start = 1_700_000_000_000): SteppedClock {
  let now = start;
  const timers = new Set<{ at: number; run: () => void }>();
  return {
    now: () => now,
    setTimeout(run, ms) {
      const timer = { at: now + ms, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance(ms) {
      now += ms;
      for (const timer of timers) {
        if (timer.at > now) continue;
        timers.delete(timer);
        timer.run();
      }
    },
  };
}

export const SERVER_KEY = 'sk-server';

export function upstreamNamed(name: string): Upstream {
  const refuse = () => {
    throw new Error('the leaf answers');
  };
  return new Upstream(
    {
      name,
      baseUrl: 'http://127.0.0.1:1',
      provider: { name: 'openai', description: '', wire: 'openai', isRemote: true, send: refuse, models: refuse },
      timeoutMs: 1,
      connectTimeoutMs: 1,
      idleTimeoutMs: 1,
      forwardHeaders: [],
      tls: { verify: true },
      needsKey: true,
      extra: {},
      models: [],
    },
    SERVER_KEY,
  );
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

export const QUESTION = { model: 'm', messages: [{ role: 'user', content: 'Hello?' }] };

export function exchangeOf(ask: Ask = {}, upstream: Upstream = UPSTREAM): Exchange {
  const operation = ask.operation ?? 'chat';
  const bytes = Buffer.from(ask.bytes ?? JSON.stringify(ask.body ?? QUESTION));
  const request = Payload.fromBytes<ChatRequest>(bytes);
  const identity = new Identity({
    id: ask.identity ?? 'alice',
    ...(ask.key === undefined ? {} : { upstreamKey: ask.key }),
  });
  const plan: Plan = {
    upstream,
    request,
    approach: 'none',
    isSingleCall: true,
    options: {},
    budget: {},
    run: (call, next) => next(call),
    ...ask.plan,
  };
  const exchange = {
    id: 'request-1',
    operation,
    client: {
      method: 'POST',
      path: ask.path ?? '/v1/chat/completions',
      headers: { 'content-type': 'application/json', ...ask.headers },
      address: '127.0.0.1',
    },
    request,
    headers: new ResponseHeaders(),
    identity,
    signal: ask.signal ?? new AbortController().signal,
    abort: () => undefined,
    ledger: new Ledger(),
    progress: SILENT,
    trace: NO_TRACE,
    log: pino({ level: 'silent' }),
    plan,
    ordinals: new Map(),
    startedAt: 0,
  };
  exchange.ledger.budget = plan.budget;
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
    log: pino({ level: 'silent' }),
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
      const exchange = exchangeOf(ask);
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
