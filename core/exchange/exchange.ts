import type { GatewayError } from '../errors.ts';
import type { ResponseHeaders } from '../bytes/header-list.ts';
import type { Ledger, Budget, Allowance } from './ledger.ts';
import type { Logger } from 'pino';
import type { ChatRequest, Usage } from '../wire/chat/chat-types.ts';
import type { Changes, Payload } from '../bytes/payload.ts';
import type { Progress } from './progress.ts';
import type { Reply } from './reply.ts';
import type { Wire } from '../wire/wire.ts';
import type { Trace } from './trace.ts';
import type { Upstream } from './upstream.ts';
import { numberEqualCalls, type CallNumber, type Ordinals } from './ordinal.ts';
import type { Identity } from './identity.ts';

/** What kind of request this is; decides what `request` holds and whether approaches apply (only to `chat`). */
export type Operation = 'chat' | 'completions' | 'embeddings' | 'responses' | 'messages' | 'other';

/** The body of an operation whose fields core does not act on beyond `model` and `stream`. */
export interface OpenRequest {
  readonly model?: string;
  readonly stream?: boolean | null;
  readonly [key: string]: unknown;
}

/** The client's request line and headers; header names in lower case, credentials only while `authenticate` runs. */
export interface Incoming {
  readonly method: string;
  /** Path and query, as the client wrote them. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The peer's IP address. */
  readonly address: string;
}

/** A request whose caller is not known yet, and whose body was not read. */
export interface Arrival {
  readonly id: string;
  readonly client: Incoming;
  readonly log: Logger;
}

/** A body that is streamed through (multipart, audio): readable once, so never sent twice. */
export interface Upload {
  readonly contentType: string | undefined;
  /** In bytes, where the client said. */
  readonly contentLength: number | undefined;
  readonly body: AsyncIterable<Buffer>;
  /** Whether any byte was taken from it; from then on no retry is possible. */
  readonly isStarted: boolean;
}

interface ExchangeFields {
  /** Request id, also sent as `x-request-id`. */
  readonly id: string;
  /** The wire that the client speaks. */
  readonly wire: Wire;
  readonly client: Incoming;
  /** Extra headers for the answer. */
  readonly headers: ResponseHeaders;
  /** Who is asking; keys are not on it. */
  readonly identity: Identity;
  /** Aborts when the client is gone, the total deadline passed, or the program stops. Its reason is a `GatewayError`. */
  readonly signal: AbortSignal;
  /** Ends the exchange: `signal` aborts with this reason. Core's own. */
  abort(reason: GatewayError): void;
  /** Upstream calls and tokens of this exchange so far, and its budget. */
  readonly ledger: Ledger;
  readonly progress: Progress;
  /** Set by a plugin that wants the trace, in `request`: record it though the client did not ask for it. */
  isTraced?: boolean;
  /** Replaced by one that records when somebody wants it, before anything runs. */
  trace: Trace;
  readonly log: Logger;
  /** Set by `plan`, before anything runs. */
  plan: Plan | undefined;
  /** Where the caller's own upstream key belongs: the upstream that its request's model names. Undefined until that is known. */
  home: Upstream | undefined;
  /** A failure or a limit made the answer less than another try might bring: nothing to keep. */
  isPartial?: boolean;
  /** The client's body where it is streamed through instead of being read whole. */
  readonly upload?: Upload;
  /** How often each equal call was made; core's own. */
  readonly ordinals: Ordinals;
  /** Performance counter (ms) at arrival. */
  readonly startedAt: number;
}

type ExchangeOf<O extends Operation> = ExchangeFields & {
  readonly operation: O;
  /** The parsed body. Replace it to change it: `exchange.request = exchange.request.with({ … })`. */
  request: Payload<O extends 'chat' ? ChatRequest : OpenRequest>;
};

/** One client request and its answer. A union by `operation`. */
export type ChatExchange = ExchangeOf<'chat'>;
export type OtherExchange = ExchangeOf<Exclude<Operation, 'chat'>>;
export type Exchange = ChatExchange | OtherExchange;

/**
 * What is wanted of a request, before it is planned. A tap on `plan` returns one to choose the approach or the model, and
 * leaves the rest to core: the client's options, limits and rights hold as if it had chosen so itself.
 */
export interface Wish {
  /** An expression such as `re2&bon`, or `none`. Absent = nobody chose one. Approaches run on chats only: elsewhere it means nothing. */
  readonly approach?: string;
  /** As clients write it: `gpt-4o`, `groq/llama-3.3`. Absent = the file's default. */
  readonly model?: string;
}

/** What was decided for an exchange before anything runs. */
export interface Plan {
  readonly upstream: Upstream;
  /** The request with all marks removed and the upstream's own model name. */
  readonly request: Payload<ChatRequest>;
  /** The expression that runs, as shown in `x-optigate-approach`: `none`, `re2&bon`. */
  readonly approach: string;
  /** Does the plan make at most one upstream call per choice? Then bytes go through and the cache uses the answer level only. */
  readonly isSingleCall: boolean;
  /** The effective options of each approach in the expression, by slug: part of the cache key. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly budget: Budget;
  /** `optigate: { trace: true }`: the exchange records what it does. */
  readonly wantsTrace?: boolean;
  /** false = `optigate: { progress: false }`: no progress is streamed. */
  readonly wantsProgress?: boolean;
  /** What all chunks of an answer made of several calls carry; undefined where the upstream's own chunks pass. */
  readonly stamp?: StreamStamp | undefined;
  /** Models beside the request's own that approaches will call, as clients write them: the caller's rights hold for them, too. */
  readonly otherModels?: readonly string[];
  /** Runs the expression over the upstream onion. */
  run(call: Call, next: Handler): Promise<Reply>;
}

/** Id, time and model that all chunks of one stream share. */
export interface StreamStamp {
  readonly id: string;
  /** Seconds. */
  readonly created: number;
  readonly model: string;
}

export type Handler = (call: Call) => Promise<Reply>;

/** What a call is for: `answer`, `candidate`, `draft`, `judge`, `critique`, `synthesis`, or a word of the approach's own. */
export type Role = string;

/** Roles whose prompt is the conversation itself, so that a per-call transformer (re2) applies to them. */
export const GENERATION_ROLES: ReadonlySet<Role> = new Set(['answer', 'candidate', 'draft']);

export interface CallChange {
  readonly role?: Role;
  readonly upstream?: Upstream;
  readonly signal?: AbortSignal;
  readonly wantsWhole?: boolean;
  readonly trace?: Trace;
  /** One more limit on what is spent, beside those there are. */
  readonly allowance?: Allowance;
}

/**
 * One upstream call on behalf of an exchange. Immutable: `with` copies. A copy that neither changes the request nor the
 * upstream is the same call (a retry, a linked signal): it keeps its ordinal and counts once against the budget.
 */
export class Call {
  readonly exchange: Exchange;
  readonly request: Payload<ChatRequest>;
  readonly role: Role;
  readonly upstream: Upstream;
  readonly signal: AbortSignal;
  /** Its answer is read by an approach and must come whole, also above 1 MB (where a plain one is piped). */
  readonly wantsWhole: boolean;
  /** The step of the work that this call belongs to; an approach notes what it found there. */
  readonly trace: Trace;
  readonly #allowances: readonly Allowance[];
  readonly #number: CallNumber;

  constructor(init: {
    exchange: Exchange;
    request: Payload<ChatRequest>;
    role: Role;
    upstream: Upstream;
    signal: AbortSignal;
    wantsWhole?: boolean;
    trace?: Trace;
    allowances?: readonly Allowance[];
    number?: CallNumber;
  }) {
    this.exchange = init.exchange;
    this.request = init.request;
    this.role = init.role;
    this.upstream = init.upstream;
    this.signal = init.signal;
    this.wantsWhole = init.wantsWhole ?? false;
    this.trace = init.trace ?? init.exchange.trace;
    this.#allowances = init.allowances ?? NONE;
    this.#number = init.number ?? numberOf(init.exchange, init.upstream, init.request);
  }

  with(request: Changes<ChatRequest>, change: CallChange = {}): Call {
    const isSame = !hasKeys(request) && (change.upstream === undefined || change.upstream === this.upstream);
    return new Call({
      ...this.#changed(change),
      request: hasKeys(request) ? this.request.with(request) : this.request,
      ...(isSame ? { number: this.#number } : {}),
    });
  }

  /** The same request once more, as a sample of its own: what retry repeats is not this, but the k-th candidate is. */
  again(change: CallChange = {}): Call {
    return new Call({ ...this.#changed(change), request: this.request });
  }

  #changed(change: CallChange) {
    return {
      exchange: this.exchange,
      role: change.role ?? this.role,
      upstream: change.upstream ?? this.upstream,
      signal: change.signal ?? this.signal,
      wantsWhole: change.wantsWhole ?? this.wantsWhole,
      trace: change.trace ?? this.trace,
      allowances: change.allowance ? [...this.#allowances, change.allowance] : this.#allowances,
    };
  }

  /** Which of the equal calls of this exchange this is, from 0. Worked out when first asked for. */
  get ordinal(): number {
    return this.#number.ordinal;
  }

  /** Digest of the request (canonical) and upstream: equal for equal calls, whatever their key order. */
  get digest(): string {
    return this.#number.digest;
  }

  /** Can this call be afforded? For a search that would otherwise go round for nothing. */
  canSpend(): boolean {
    return this.exchange.ledger.canSpend() && this.#allowances.every((allowance) => allowance.canSpend());
  }

  /** How many more calls may be made, Infinity without a limit: for keeping the last one for the answer. */
  get callsLeft(): number {
    return Math.min(this.exchange.ledger.callsLeft, ...this.#allowances.map((allowance) => allowance.callsLeft));
  }

  /** Counts one request sent for this call; throws `BudgetExhausted` where its first attempt would go over a limit. */
  spend(): void {
    const isFirst = this.#number.attempts === 0;
    if (isFirst) for (const allowance of this.#allowances) allowance.check();
    this.exchange.ledger.spend(isFirst);
    this.#number.attempts++;
    if (isFirst) for (const allowance of this.#allowances) allowance.spend();
  }

  /** How often it was sent so far. */
  get attempts(): number {
    return this.#number.attempts;
  }

  /** Enters what an attempt of this call took. */
  addUsage(usage: Usage): void {
    this.exchange.ledger.add(usage);
    for (const allowance of this.#allowances) allowance.add(usage);
  }
}

/** How an exchange went, for `finished` taps. */
export interface Outcome {
  /** What the client got; 499 when it left before anything was sent. */
  readonly status: number;
  readonly error?: GatewayError;
  readonly durationMs: number;
  /** Bytes of the body that went out. */
  readonly bytes: number;
}

const NONE: readonly Allowance[] = [];

function numberOf({ ordinals, operation, client }: Exchange, upstream: Upstream, request: Payload<ChatRequest>) {
  return numberEqualCalls(ordinals, [operation, client.path, upstream.name], request);
}

function hasKeys(value: object): boolean {
  for (const _ in value) return true;
  return false;
}
