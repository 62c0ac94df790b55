import type { z } from 'zod';
import type { Call } from '../exchange/exchange.ts';
import type { Choice, Usage } from '../wire/chat/chat-types.ts';
import type { Reply } from '../exchange/reply.ts';

/** A complete answer of one call. */
export interface Answer {
  /** The first choice's text; empty where there is none (a tool call, say). */
  readonly text: string;
  readonly choice: Choice;
  /** The whole reply, as it came: what an approach returns to show it. */
  readonly reply: Reply;
  readonly usage: Usage | undefined;
}

/** What follows in the pipeline: a call, or the approach after `&`. */
export interface Next {
  /** The call as it is; streams if the client wants a stream. For the call whose text is shown. */
  (call: Call): Promise<Reply>;
  /** One complete answer, never streamed. For candidates, judge calls, plans. Throws an upstream's refusal. */
  ask(call: Call): Promise<Answer>;
  /**
   * `count` different samples at the latency of one. Failed ones are dropped; when none is left, throws
   * the failure that ranks first (401, 403, 400, 429, 5xx).
   */
  sample(call: Call, count: number, options?: SampleOptions): Promise<readonly Answer[]>;
  /** The call, addressed to another model; `upstream/model` as clients write it. Name such models in `models`, too. */
  to(call: Call, model: string): Call;
}

export interface SampleOptions {
  /** Looked at after each answer, with those there are, in written order: true aborts the rest. */
  readonly until?: (answers: readonly Answer[]) => boolean;
  /** Told how many samples that spared. */
  readonly onAbort?: (samples: number) => void;
}

/**
 * What `run` was given, in one object: the functions that an approach is made of take it. One that needs more extends it:
 * `interface Judging extends Work<Options> { readonly candidates: readonly Answer[] }`.
 */
export interface Work<O = unknown> {
  readonly call: Call;
  readonly next: Next;
  readonly options: O;
}

export type OptionsSchema = z.ZodType<object>;

export interface ApproachFields {
  /**
   * `transformer` changes the request of what follows (and perhaps its answer) and costs no answer call of its own;
   * `answerer` makes an answer of one or more calls.
   */
  readonly kind: 'transformer' | 'answerer';
  /** For transformers: `call` wraps each generation call of what follows instead of the whole. Default `request`. */
  readonly per?: 'request' | 'call';
  /** For answerers: exactly one upstream call per choice, so that the client's `n` and bytes go straight through. */
  readonly isSingleCall?: boolean;
  /** For answerers that choose from a pool: with `optigate: { n: 'top' }` it gets the client's `n` and returns so many. */
  readonly selects?: boolean;
  readonly description?: string;
}

/** A way to answer. Reads like its paper: only calls `next`; retries, caches, counts and keys belong to the layers around. */
export interface Approach<O = object> extends ApproachFields {
  readonly slug: string;
  readonly description: string;
  readonly schema: OptionsSchema;
  /** The file's options, completed; a request's are merged over them and checked again. */
  readonly defaults: O;
  readonly plugin: string;
  /** Models beside the request's own that these options will call, checked against the caller's rights before anything runs. */
  models?(options: O): readonly string[];
  run(call: Call, next: Next, options: O): Promise<Reply>;
}

/** The registry as a plugin sees it. Options given to `add` replace the plugin's own for this approach. */
export interface Approaches<O> {
  add<const S extends OptionsSchema>(
    slug: string,
    approach: ApproachFields & {
      readonly options: S;
      models?(options: z.output<S>): readonly string[];
      run(call: Call, next: Next, options: z.output<S>): Promise<Reply>;
    },
  ): void;
  add(
    slug: string,
    approach: ApproachFields & {
      readonly options?: undefined;
      models?(options: O): readonly string[];
      run(call: Call, next: Next, options: O): Promise<Reply>;
    },
  ): void;
}
