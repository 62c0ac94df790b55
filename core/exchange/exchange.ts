import type { Logger } from 'pino';
import type { ResponseHeaders } from '../bytes/header-list.ts';
import type { Changes, Payload } from '../bytes/payload.ts';
import type { GatewayError } from '../errors.ts';
import type { ChatRequest, Usage } from '../wire/chat/chat-types.ts';
import type { Wire } from '../wire/wire.ts';
import type { Identity } from './identity.ts';
import type { Ledger, Budget, Allowance } from './ledger.ts';
import { numberEqualCalls, type CallNumber, type Ordinals } from './ordinal.ts';
import type { Progress } from './progress.ts';
import type { Reply } from './reply.ts';
import type { Trace } from './trace.ts';
import type { Upstream } from './upstream.ts';

/** The kind of a request. It decides what `request` holds, and whether approaches apply (only to `chat`). */
export type Operation = 'chat' | 'completions' | 'embeddings' | 'responses' | 'messages' | 'other';

/** The body of any other operation than chat. Core acts on nothing in it but `model` and `stream`. */
export interface OpenRequest {
  readonly model?: string;
  readonly stream?: boolean | null;
  readonly [key: string]: unknown;
}

/** The client's request line and headers (names in lower case). Only `authenticate` sees headers with credentials. */
export interface Incoming {
  readonly method: string;
  /** Path and query, as the client wrote them. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The peer's IP address. */
  readonly address: string;
}

/** A request whose caller is not known yet, and whose body is not read yet. */
export interface Arrival {
  readonly id: string;
  readonly client: Incoming;
  readonly log: Logger;
}

/** A body that is streamed through (multipart, audio). It can be read only once, so it is never sent twice. */
export interface Upload {
  readonly contentType: string | undefined;
  /** In bytes; undefined if the client did not say. */
  readonly contentLength: number | undefined;
  readonly body: AsyncIterable<Buffer>;
  /** Was any byte taken from it? Then the request cannot be sent again. */
  readonly isStarted: boolean;
  /** The model that a form names; undefined if it names none, or was not searched for one. */
  readonly model?: string | undefined;
  /** The same form with another name in the place of the model's. */
  withModel?(name: string): Upload;
}

interface ExchangeFields {
  /** Request id, also sent as `x-request-id`. */
  readonly id: string;
  /** The wire that the client speaks. */
  readonly wire: Wire;
  /** Core takes an upstream's name out of its path where one stands before a model's. */
  client: Incoming;
  /** Extra headers for the answer. */
  readonly headers: ResponseHeaders;
  /** Who is asking. Keys cannot be read from it. */
  readonly identity: Identity;
  /** Aborts when the client is gone, the deadline passed, or the program stops. Its reason is a `GatewayError`. */
  readonly signal: AbortSignal;
  /** Ends the exchange: `signal` aborts with this reason. For core only. */
  abort(reason: GatewayError): void;
  /** Upstream calls and tokens of this exchange so far, and its budget. */
  readonly ledger: Ledger;
  readonly progress: Progress;
  /** Record a trace even if the client did not ask for one. A plugin that wants it sets this in its `request` tap. */
  isTraced?: boolean;
  /** Records nothing, unless somebody wants a trace: then core replaces it before any approach runs. */
  trace: Trace;
  readonly log: Logger;
  /** Undefined until the `plan` hook has run. */
  plan: Plan | undefined;
  /** The upstream that the request's model names, if known yet. A caller's own upstream key is used only there. */
  home: Upstream | undefined;
  /** Degraded by a failure or limit: sent, never cached. */
  isPartial?: boolean;
  /**
   * The client's body if it is streamed through instead of being read whole. Core takes an upstream's name out of it where
   * one stands before a model's.
   */
  upload?: Upload;
  /** Numbers the equal calls of this exchange. For core only. */
  readonly ordinals: Ordinals;
  /** Performance counter (ms) at arrival. */
  readonly startedAt: number;
}

type ExchangeOf<O extends Operation> = ExchangeFields & {
  readonly operation: O;
  /** The parsed body. Replace it to change it: `exchange.request = exchange.request.with({ … })`. */
  request: Payload<O extends 'chat' ? ChatRequest : OpenRequest>;
};

/** An exchange in which approaches may run. */
export type ChatExchange = ExchangeOf<'chat'>;
/** An exchange of any other operation. */
export type OtherExchange = ExchangeOf<Exclude<Operation, 'chat'>>;
/** One client request and its answer. Check `operation` to know which kind it is. */
export type Exchange = ChatExchange | OtherExchange;

/**
 * Which approach or model is wanted for a request. A tap on `plan` returns one instead of a whole plan. Core does the
 * rest as if the client had chosen so itself: the client's options, limits and rights apply.
 */
export interface Wish {
  /** An expression such as `re2&bon`, or `none`. Absent = not chosen. Ignored except for chats. */
  readonly approach?: string;
  /**
   * As clients write it: `gpt-4o`, `groq/llama-3.3`. Absent = not chosen. Ignored for bodies that are only passed on.
   */
  readonly model?: string;
}

/** What was decided for an exchange before anything runs. */
export interface Plan {
  readonly upstream: Upstream;
  /** The request with all marks removed and the upstream's own model name. */
  readonly request: Payload<ChatRequest>;
  /** The expression that runs, as shown in `x-optigate-approach`: `none`, `re2&bon`. */
  readonly approach: string;
  /** Does it make at most one upstream call per choice? Then bytes pass through, and the cache keeps only answers. */
  readonly isSingleCall: boolean;
  /** The effective options of each approach in the expression, by slug. They are part of the cache key. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly budget: Budget;
  /** The client wrote `optigate: { trace: true }`: its answer shows what the exchange did. */
  readonly wantsTrace?: boolean;
  /** false = the client wrote `optigate: { progress: false }`: no progress is streamed. */
  readonly wantsProgress?: boolean;
  /** What all chunks of an answer made of several calls share; undefined if the upstream's own chunks are sent. */
  readonly stamp?: StreamStamp | undefined;
  /** Further models that approaches will call, as clients write them. The caller must be allowed to use them. */
  readonly otherModels?: readonly string[];
  /** Runs the expression. Its upstream calls go to `next`. */
  run(call: Call, next: Handler): Promise<Reply>;
}

/** Id, time and model that all chunks of one stream share. */
export interface StreamStamp {
  readonly id: string;
  /** Seconds. */
  readonly created: number;
  readonly model: string;
}

/** Answers a call: what comes after a layer, down to the request to the upstream. */
export type Handler = (call: Call) => Promise<Reply>;

/** What a call is for: `answer`, `candidate`, `draft`, `judge`, `critique`, `synthesis`, or the approach's own word. */
export type Role = string;

/** Roles whose prompt is the conversation itself, so that a per-call transformer (re2) applies to them. */
export const GENERATION_ROLES: ReadonlySet<Role> = new Set(['answer', 'candidate', 'draft']);

/** What `Call.with` may change beside the request. */
export interface CallChange {
  readonly role?: Role;
  readonly upstream?: Upstream;
  readonly signal?: AbortSignal;
  readonly wantsWhole?: boolean;
  readonly trace?: Trace;
  readonly progress?: Progress;
  /** Is it the same call although its request differs? For fields that do not change the answer. */
  readonly isSame?: boolean;
  /** One more limit on what may be spent, in addition to those that the call already has. */
  readonly allowance?: Allowance;
}

/**
 * One upstream call on behalf of an exchange. Immutable: `with` makes a changed copy. A copy with the same request and
 * the same upstream (for a retry, or another signal) is still the same call: it keeps its ordinal, and counts only once
 * against the budget.
 */
export class Call {
  readonly exchange: Exchange;
  readonly request: Payload<ChatRequest>;
  readonly role: Role;
  readonly upstream: Upstream;
  readonly signal: AbortSignal;
  /** An approach reads the answer, so it must come whole, even above 1 MB, where others are piped. */
  readonly wantsWhole: boolean;
  /** The step of the trace that this call belongs to. An approach notes its findings there. */
  readonly trace: Trace;
  /** Where an approach says what it is doing. Silent for all runs but the first if the client wants several choices. */
  readonly progress: Progress;
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
    progress?: Progress;
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
    this.progress = init.progress ?? init.exchange.progress;
    this.#allowances = init.allowances ?? NONE;
    this.#number = init.number ?? numberOf(init.exchange, init.upstream, init.request);
  }

  /** A copy with changed fields of the request, or other changes. */
  with(request: Changes<ChatRequest>, change: CallChange = {}): Call {
    const hasSameUpstream = change.upstream === undefined || change.upstream === this.upstream;
    const isSame = change.isSame ?? (!hasKeys(request) && hasSameUpstream);
    return new Call({
      ...this.#changed(change),
      request: hasKeys(request) ? this.request.with(request) : this.request,
      ...(isSame ? { number: this.#number } : {}),
    });
  }

  /** The same request as a call of its own, for another sample, such as the next candidate. A retry is no such call. */
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
      progress: change.progress ?? this.progress,
      allowances: change.allowance ? [...this.#allowances, change.allowance] : this.#allowances,
    };
  }

  /** Which of the equal calls of this exchange this is, from 0. Decided when it is first read. */
  get ordinal(): number {
    return this.#number.ordinal;
  }

  /** Digest of request and upstream. Equal for equal calls, in whatever order their keys are. */
  get digest(): string {
    return this.#number.digest;
  }

  /** Do the limits allow one more call? A search asks this before it begins another round. */
  canSpend(): boolean {
    return this.exchange.ledger.canSpend() && this.#allowances.every((allowance) => allowance.canSpend());
  }

  /** How many more calls the limits allow; Infinity without one. An approach can keep the last one for its answer. */
  get callsLeft(): number {
    return Math.min(this.exchange.ledger.callsLeft, ...this.#allowances.map((allowance) => allowance.callsLeft));
  }

  /** Counts one request sent for this call. Throws `BudgetExhausted` if it is the first and would exceed a limit. */
  spend(): void {
    const isFirst = this.#number.attempts === 0;
    if (isFirst) for (const allowance of this.#allowances) allowance.check();
    this.exchange.ledger.spend(isFirst);
    this.#number.attempts++;
    if (isFirst) for (const allowance of this.#allowances) allowance.spend();
  }

  /** How many requests were sent for this call so far. */
  get attempts(): number {
    return this.#number.attempts;
  }

  /** Adds the usage of an attempt to the exchange's ledger and to the limits of this call. */
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
