/**
 * An upstream without HTTP, for tests of approaches: it answers by the role of each call, strictly, and keeps time in
 * waves. All calls that are open when nothing else moves are answered together and one step later, so that the number of
 * steps is the number of rounds a constant-delay upstream would see. Nobody sleeps.
 *
 *   const run = await runApproach('bon', { script: { candidate: ['A', 'B', 'C'], judge: ['Score: 3', 'Score: 9', 'Score: 5'] } });
 *   expect(run.text).toBe('B');
 *   expect([run.calls.length, run.rounds]).toEqual([4, 2]);
 */
import { AsyncParallelHook } from 'tapable';
import { createApproachRegistry, type ApproachRegistry } from '../../core/plan/registry.ts';
import type { Capabilities } from '../../core/run/capabilities.ts';
import { createPlanning, type PlanningSettings } from '../../core/plan/planning.ts';
import { checkRights } from '../../core/plan/rights.ts';
import { roundsOf } from '../../core/exchange/trace-summary.ts';
import { wholeReply } from '../../core/approach/whole.ts';
import { ByteStream } from '../../core/bytes/byte-stream.ts';
import { systemClock } from '../../core/clock.ts';
import { Call, type ChatExchange, type Exchange, type Handler, type Plan } from '../../core/exchange/exchange.ts';
import { createKept, type Kept } from '../../core/kept.ts';
import { completionToChunks } from '../../core/wire/chat/completion-chunks.ts';
import type { ChatCompletion, ChatRequest, Chunk, Usage } from '../../core/wire/chat/chat-types.ts';
import { Payload } from '../../core/bytes/payload.ts';
import { pluginRecord, type Plugin, type PluginContext } from '../../core/plugin/define.ts';
import { SILENT } from '../../core/exchange/progress.ts';
import { completeReply, streamReply, type CompleteReply, type Reply } from '../../core/exchange/reply.ts';
import { createTrace } from '../../core/exchange/trace.ts';
import type { Provider } from '../../core/upstream/provider.ts';
import type { Upstreams } from '../../core/upstream/upstreams.ts';
import { exchangeOf, NO_LOG } from './exchange.ts';
import { PLAIN_PROVIDER, upstreamAt } from './upstream-call.ts';
import { wires } from '../../core/wire/wires.ts';

/** One choice, or a failure of the whole call. */
export type Scripted =
  | string
  | {
      readonly text?: string | null;
      readonly finish?: string;
      readonly toolCalls?: readonly unknown[];
      readonly extra?: Readonly<Record<string, unknown>>;
      /** A refusal with this status. */
      readonly status?: number;
      readonly error?: Readonly<Record<string, unknown>>;
      /** Thrown instead of an answer. */
      readonly throws?: unknown;
      /** Waves until the answer; default 1. */
      readonly waves?: number;
      /** Never answers: waits for its signal. */
      readonly hangs?: boolean;
    };

type Play = (request: ChatRequest, index: number, call: Call) => Scripted;

export interface ScriptedOptions {
  /** By role; a list is played in order, one item per choice, and one too many is an error. `*` = any other role. */
  readonly script: Readonly<Record<string, readonly Scripted[] | Play>>;
  /** What the upstream does with `n`. Default: honours. */
  readonly n?: 'honours' | 'rejects' | 'ignores';
  /** Fields that it answers 400 to, as OpenAI does. */
  readonly refuses?: readonly string[];
}

export interface RecordedCall {
  readonly role: string;
  readonly upstream: string;
  readonly request: ChatRequest;
  readonly bytes: string;
  readonly signal: AbortSignal;
  readonly start_ms: number;
  end_ms: number;
  status: number;
}

export const USAGE: Usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };

export class ScriptedHandler {
  readonly calls: RecordedCall[] = [];
  readonly #options: ScriptedOptions;
  readonly #played = new Map<string, number>();
  #wave = 0;
  #waiting: { readonly at: number; readonly go: () => void }[] = [];
  #isScheduled = false;

  constructor(options: ScriptedOptions) {
    this.#options = options;
  }

  get rounds(): number {
    return roundsOf(this.calls);
  }

  readonly handle: Handler = async (call) => {
    const { request } = call;
    call.signal.throwIfAborted();
    call.spend();
    const bytes = request.bytes.toString();
    const sent = JSON.parse(bytes) as ChatRequest;
    const record: RecordedCall = {
      role: call.role,
      upstream: call.upstream.name,
      request: sent,
      bytes,
      signal: call.signal,
      start_ms: this.#wave,
      end_ms: Infinity,
      status: 0,
    };
    this.calls.push(record);
    const outcome = this.#outcome(sent, call);
    const [first] = 'kind' in outcome ? [] : outcome;
    const { waves = 1, hangs = false } = typeof first === 'object' ? first : {};
    await this.#until(hangs ? Infinity : this.#wave + waves, call.signal);
    record.end_ms = this.#wave;
    if (typeof first === 'object' && first.throws !== undefined) throw first.throws;
    const reply = 'kind' in outcome ? outcome : completion(outcome, sent);
    record.status = reply.status;
    call.trace.add({ role: call.role, start_ms: record.start_ms, end_ms: record.end_ms });
    if (reply.status >= 400 || reply.kind !== 'complete') return reply;
    const { usage } = reply.body.value;
    if (sent.stream !== true) {
      if (usage) call.addUsage(usage);
      return reply;
    }
    return streamed(reply, sent, () => usage && call.addUsage(usage));
  };

  #outcome(sent: ChatRequest, call: Call): readonly Scripted[] | CompleteReply {
    const { refuses = [], n: mode = 'honours' } = this.#options;
    for (const field of refuses) {
      if (sent[field] !== undefined) {
        return refusal(400, {
          message: `Unsupported parameter: '${field}' is not supported with this model.`,
          param: field,
          code: 'unsupported_parameter',
        });
      }
    }
    const n = sent.n ?? 1;
    if (n > 1 && mode === 'rejects')
      return refusal(400, { message: 'only one choice can be made', param: null, code: null });
    const outcomes: Scripted[] = [];
    for (let i = 0; i < (mode === 'honours' ? n : 1); i++) outcomes.push(this.#play(sent, call));
    const failed = outcomes.find((outcome) => typeof outcome === 'object' && outcome.status !== undefined);
    if (typeof failed !== 'object') return outcomes;
    return refusal(
      failed.status ?? 500,
      failed.error ?? { message: `failed with ${failed.status}`, param: null, code: null },
    );
  }

  #play(sent: ChatRequest, call: Call): Scripted {
    const { script } = this.#options;
    const role = call.role in script ? call.role : '*';
    const part = script[role];
    const index = this.#played.get(role) ?? 0;
    this.#played.set(role, index + 1);
    if (typeof part === 'function') return part(sent, index, call);
    const item = part?.[index];
    if (item === undefined) throw new Error(`one call too many: role '${call.role}', number ${index + 1}`);
    return item;
  }

  #until(at: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ at, go: resolve });
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // Everything that can go on without an answer has gone on by then.
    setImmediate(() => {
      this.#isScheduled = false;
      this.#wave++;
      const due = this.#waiting.filter(({ at }) => at <= this.#wave);
      this.#waiting = this.#waiting.filter(({ at }) => at > this.#wave);
      for (const { go } of due) go();
      if (this.#waiting.some(({ at }) => at < Infinity)) this.#schedule();
    });
  }
}

function refusal(status: number, error: Readonly<Record<string, unknown>>): CompleteReply {
  const body = { error: { type: 'invalid_request_error', ...error } };
  return completeReply(Payload.fromBytes(Buffer.from(JSON.stringify(body))), status);
}

function completion(outcomes: readonly Scripted[], sent: ChatRequest): CompleteReply {
  const value: ChatCompletion = {
    id: 'chatcmpl-upstream',
    object: 'chat.completion',
    created: 1,
    model: `${sent.model}-2026`,
    choices: outcomes.map((outcome, index) => {
      const { text = null, finish, toolCalls, extra } = typeof outcome === 'string' ? { text: outcome } : outcome;
      return {
        index,
        message: { role: 'assistant', content: text, ...(toolCalls ? { tool_calls: toolCalls as [] } : {}) },
        finish_reason: finish ?? (toolCalls ? 'tool_calls' : 'stop'),
        ...extra,
      };
    }),
    usage: USAGE,
  };
  return completeReply(Payload.fromBytes(Buffer.from(JSON.stringify(value)), value), 200, [
    'content-type',
    'application/json',
    'x-upstream',
    'yes',
  ]);
}

function streamed(reply: CompleteReply, sent: ChatRequest, onEnd: () => void): Reply {
  const includeUsage = sent.stream_options?.include_usage === true;
  const bytes = function* () {
    for (const chunk of completionToChunks(reply.body.value, { includeUsage, pieces: 3 }))
      yield `data: ${JSON.stringify(chunk)}\n\n`;
    yield 'data: [DONE]\n\n';
  };
  const body = ByteStream.from(bytes());
  body.onEnd(onEnd);
  return streamReply(body);
}

// Running an approach over it.

export interface RunOptions extends ScriptedOptions {
  readonly request?: Readonly<Record<string, unknown>>;
  readonly plugins?: readonly Plugin[];
  /** The file's options, by the plugin's name. */
  readonly file?: Readonly<Record<string, object>>;
  readonly settings?: Partial<PlanningSettings>;
  readonly capabilities?: Capabilities;
  /** What the plugins keep from one run to the next; default: nothing. */
  readonly kept?: Kept;
  readonly headers?: Record<string, string>;
  readonly identity?: { readonly id?: string; readonly models?: readonly string[] };
  readonly listed?: readonly string[] | undefined;
  readonly signal?: AbortSignal;
  readonly progress?: (text: string) => void;
}

export interface Run {
  readonly plan: Plan;
  readonly exchange: ChatExchange;
  readonly reply: Reply;
  /** The completion, whole; of a stream, put together. */
  readonly completion: ChatCompletion;
  readonly text: string | null;
  readonly calls: readonly RecordedCall[];
  readonly rounds: number;
  /** What a stream consisted of. */
  readonly chunks: readonly Chunk[];
}

/** Selects by the body's `optillm_approach` and runs, over a scripted upstream. */
export async function runApproach(approach: string | undefined, options: RunOptions): Promise<Run> {
  const handler = new ScriptedHandler(options);
  const { exchange, plan: decide, shutdown } = await prepare(approach, options);
  const plan = await decide(exchange);
  exchange.plan = plan;
  exchange.ledger.budget = plan.budget;
  if (plan.wantsTrace) exchange.trace = createTrace(plan.approach);
  const call = new Call({
    exchange,
    request: plan.request,
    role: 'answer',
    upstream: plan.upstream,
    signal: exchange.signal,
  });
  const bytes: Buffer[] = [];
  let reply: Reply;
  let whole: Reply;
  try {
    whole = reply = await plan.run(call, handler.handle);
    if (reply.kind !== 'complete') {
      for await (const chunk of reply.body) bytes.push(chunk);
      whole = await wholeReply({ ...reply, body: ByteStream.from(bytes) }, call);
    }
  } finally {
    await shutdown.promise();
  }
  const completion = whole.kind === 'complete' ? whole.body.value : undefined;
  const [first] = completion?.choices ?? [];
  const chunks = Buffer.concat(bytes)
    .toString()
    .split('\n\n')
    .filter((event) => event.startsWith('data: {'));
  return {
    plan,
    exchange,
    reply,
    completion: completion as ChatCompletion,
    text: typeof first?.message.content === 'string' ? first.message.content : null,
    calls: handler.calls,
    rounds: handler.rounds,
    chunks: chunks.map((event) => JSON.parse(event.slice('data: '.length)) as Chunk),
  };
}

export async function prepare(approach: string | undefined, options: Omit<RunOptions, 'script'>) {
  const shutdown: Shutdown = new AsyncParallelHook([]);
  const registry = await registryWith(options.plugins ?? [], options.file, options.kept, shutdown);
  const upstreams = testUpstreams(options.listed);
  const planning = createPlanning({
    registry,
    upstreams,
    clock: systemClock,
    settings: { tags: 'start', limits: {}, ...options.settings },
    ...(options.capabilities ? { capabilities: options.capabilities } : {}),
  });
  const body = {
    model: 'test-model',
    messages: [{ role: 'user', content: 'What is six times seven?' }],
    ...options.request,
    ...(approach === undefined ? {} : { optillm_approach: approach }),
  };
  const plan = async (exchange: Exchange): Promise<Plan> => {
    const made = await planning.plan(exchange);
    checkRights(exchange, made, upstreams);
    exchange.home = made.upstream;
    return made;
  };
  return { registry, plan, planning, exchange: chatExchange(body, options), shutdown };
}

export function chatExchange(body: object, options: Omit<RunOptions, 'script'> = {}): ChatExchange {
  const { progress: say, headers = {}, identity, signal } = options;
  const abort = new AbortController();
  if (signal?.aborted === true) abort.abort(signal.reason);
  signal?.addEventListener('abort', () => abort.abort(signal.reason), { once: true });
  const exchange = exchangeOf({
    body,
    headers,
    ...(identity ? { identity } : {}),
    abort,
    progress: { ...SILENT, isOn: say !== undefined, say: (text) => say?.(text) },
    trace: createTrace(),
  });
  return exchange as ChatExchange;
}

type Shutdown = AsyncParallelHook<[]>;

export async function registryWith(
  plugins: readonly Plugin[],
  file: Readonly<Record<string, object>> = {},
  kept: Kept = createKept(),
  shutdown: Shutdown = new AsyncParallelHook([]),
): Promise<ApproachRegistry> {
  const registry = createApproachRegistry();
  for (const plugin of plugins) {
    const record = pluginRecord(plugin)!;
    const options = record.schema.parse(file[record.name] ?? {});
    // Approaches use nothing else of the context.
    const context = {
      approaches: registry.viewFor(record, options),
      keep: kept.keep.bind(kept),
      hooks: { shutdown },
      clock: systemClock,
      log: NO_LOG,
    } as unknown as PluginContext<object>;
    await (plugin as (app: unknown, registration: object) => Promise<void>)({}, { context, options });
  }
  return registry;
}

/** `main` (default) and `groq` speak OpenAI's wire, `claude` Anthropic's. */
export function testUpstreams(listed: readonly string[] | undefined = []): Upstreams & { asked: string[] } {
  const create = (name: string, provider: Pick<Provider, 'name' | 'wires'>) =>
    upstreamAt(`http://${name}.test/v1`, {
      name,
      provider: { ...PLAIN_PROVIDER, ...provider },
      needsKey: false,
      shortestKey: 0,
      key: null,
    });
  const openai = { name: 'openai', wires: PLAIN_PROVIDER.wires };
  const anthropic = { name: 'anthropic', wires: [wires.messages, wires.plainMessages] };
  const all = [create('main', openai), create('groq', openai), create('claude', anthropic)];
  const get = (name: string) => all.find((upstream) => upstream.name === name);
  const asked: string[] = [];
  return {
    all,
    default: all[0]!,
    keyless: undefined,
    get,
    providerOf: () => PLAIN_PROVIDER,
    asked,
    resolve(model) {
      const slash = model.indexOf('/');
      const named = slash < 0 ? undefined : get(model.slice(0, slash));
      return named ? { upstream: named, model: model.slice(slash + 1) } : { upstream: all[0]!, model };
    },
    models: (upstream) => {
      asked.push(upstream.name);
      return Promise.resolve(listed?.map((id) => ({ id })));
    },
  };
}
