/** What an approach is, what it is given to make calls with, and what those calls bring. */
import type { z } from 'zod';
import type { Call } from '../exchange/exchange.ts';
import type { Reply } from '../exchange/reply.ts';
import type { Choice, Usage } from '../wire/chat/chat-types.ts';

/** One complete choice of a reply. */
export interface Answer {
  /** The choice's text; empty if it has none, for example in a tool call. */
  readonly text: string;
  readonly choice: Choice;
  /** The reply with this choice alone: an approach returns it to show the answer. */
  readonly reply: Reply;
  /** Of the whole call, which other answers may share. Undefined if the upstream reported none. */
  readonly usage: Usage | undefined;
}

/** The ways in which an approach makes calls. They lead to the upstream, or from a transformer to the approach after `&`. */
export interface Next {
  /** Makes the call as it is, and streams if the client wants a stream. For the call whose text is shown. */
  (call: Call): Promise<Reply>;
  /** One complete answer, never streamed. For candidates, judge calls, plans. Throws an upstream's error answer. */
  ask(call: Call): Promise<Answer>;
  /**
   * `count` samples at the latency of one: one call with `n`, or `count` calls at once if the model does not take `n`.
   * Failed ones are dropped, so that fewer may come. If all failed, throws the failure that ranks first (`firstByRank`).
   */
  sample(call: Call, count: number, options?: SampleOptions): Promise<readonly Answer[]>;
  /**
   * The call to another model, named as clients write it (`upstream/model`). The approach has to list it in `models`,
   * too.
   */
  to(call: Call, model: string): Call;
}

/** Ends sampling early. */
export interface SampleOptions {
  /** Called after each answer, with all that there are, in the order of their calls. True aborts the rest. */
  readonly until?: (answers: readonly Answer[]) => boolean;
  /** Called with the number of samples that `until` spared. */
  readonly onAbort?: (samples: number) => void;
}

/**
 * The arguments of `run` in one object, for the functions that an approach is made of. One that needs more extends it:
 * `interface Judging extends Work<Options> { readonly candidates: readonly Answer[] }`.
 */
export interface Work<O = unknown> {
  readonly call: Call;
  readonly next: Next;
  readonly options: O;
}

/** The schema of an approach's options, as `approachOptions` makes it. */
export type OptionsSchema = z.ZodType<object>;

/** What an approach says of itself, so that core can compose it with others. */
export interface ApproachFields {
  /**
   * A `transformer` changes the request of what follows it, perhaps also its answer, and makes no answer call of its own.
   * An `answerer` makes an answer from one or more calls.
   */
  readonly kind: 'transformer' | 'answerer';
  /**
   * For transformers: runs once around all that follows (`request`, the default), or around each of its generation
   * calls (`call`).
   */
  readonly per?: 'request' | 'call';
  /**
   * For answerers: makes one upstream call per choice, so that the client's `n` and the upstream's bytes can go
   * straight through.
   */
  readonly isSingleCall?: boolean;
  /**
   * For answerers that choose from several: with `optigate: { n: 'top' }` it sees the client's `n` and returns that
   * many choices.
   */
  readonly selects?: boolean;
  /** A sentence for users. Default: the plugin's own. */
  readonly description?: string;
}

/**
 * A way to answer, as the registry keeps it. It only calls `next`: retries, caches, counts and keys belong to the layers
 * around each call, so that its code reads like its paper.
 */
export interface Approach<O = object> extends ApproachFields {
  readonly slug: string;
  readonly description: string;
  readonly schema: OptionsSchema;
  /** The options of the file, completed. A request's options are merged over them, and the result is checked again. */
  readonly defaults: O;
  /** Name of the plugin that added it. */
  readonly plugin: string;
  /**
   * Models beside the request's own that it will call with these options. The caller's rights to them are checked
   * before it runs.
   */
  models?(options: O): readonly string[];
  run(call: Call, next: Next, options: O): Promise<Reply>;
}

/**
 * The registry as a plugin sees it. An approach has the options of its plugin, unless `add` is given a schema for it.
 */
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
