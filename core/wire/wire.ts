import type { Fields } from '../bytes/json.ts';
import type { GatewayError } from '../errors.ts';
import type { Usage } from './chat/chat-types.ts';
import type { Failure } from './failure.ts';
import type { SseEvent } from './sse.ts';

/**
 * What one wire format is, as a value: how its answers look, whole and streamed, how a failure looks in it, what they
 * took. Everything that differs by wire is a member here, so that nothing else asks which wire it has before it. A
 * provider of an API of its own brings its own `Wire`.
 */
export interface Wire {
  /** For logs and messages: `chat`, `messages`. */
  readonly name: string;
  /** The API that the wire is part of, for messages: whose it is, and which built-in provider speaks it. */
  readonly api: { readonly title: string; readonly provider: string };
  /** The response header in which this API names a request. Lower case. */
  readonly requestIdHeader: string;

  /** true: an answer may be anything (files, audio, lists), and nothing in it is looked at. */
  readonly isOpen: boolean;
  /**
   * Is a body that came with a 2xx an answer, a failure, or neither?
   * @param isFramed  false: neither length nor chunking says where the body ends, and a cut looks like an end.
   */
  examine(body: Buffer, isFramed: boolean): Verdict;
  /** Token counts in chat's words; undefined for anything else. */
  readonly usageOf: (usage: unknown) => Usage | undefined;

  /** What ends a stream properly, for clients that wait for it; undefined where the last event says so itself. */
  readonly endMark: Buffer | undefined;
  /**
   * Reads the events of one stream.
   * @param choices  How many choices must finish; for completions, of all prompts together.
   */
  readEvents(choices: number): EventReader;

  /** false: an answer has one form only, and neither of the next two is ever defined. */
  readonly hasTwoForms: boolean;
  /**
   * The events that tell of a whole answer; undefined where it is not what the wire promises.
   * @param hasUsage  Is usage told where this wire tells it in a chunk of its own?
   */
  toEvents(answer: Fields, hasUsage: boolean): Buffer | undefined;
  /** The answer that the events of a whole stream tell of; undefined where they make no complete one with its usage. */
  toAnswer(events: Buffer): object | undefined;
  /** Is the usage of a stream a chunk of its own, sent only to clients that ask? */
  readonly hasUsageChunk: boolean;
  /** Did the request succeed, as far as its 200 tells in its body? What failed is not worth keeping. */
  isSuccess(body: Buffer, form: 'complete' | 'stream'): boolean;

  /** An error as the body of an HTTP answer. */
  errorBody(error: GatewayError, requestId: string): string;
  /** An upstream's refusal as a body of this wire: as it came where it has that shape, else remade from what it says. */
  refusalBody(received: Buffer, refusal: { readonly status: number; readonly upstream: string }): Buffer;
  /**
   * An error as the last event of a stream that has begun.
   * @param sequenceNumber  The next one of a stream whose events are numbered.
   */
  errorEvent(error: EventFailure, sequenceNumber?: number): Buffer;
  /** The bytes that keep an idle stream open, to be sent at event borders only; undefined where nothing is to be sent. */
  keepAlive(mode: KeepAliveMode, head?: ChunkIdentity): Buffer | undefined;

  /**
   * A list of models as clients of this API read it.
   * @param query  Of the request; some clients ask for a form of their own.
   */
  modelList(models: readonly ListedModel[], query: URLSearchParams): object;
  /** One model of such a list. */
  modelEntry(model: ListedModel): object;
}

export type Verdict =
  /** `value` is undefined where the body was too large to be parsed for nothing. */
  | { readonly kind: 'answer'; readonly value: Fields | undefined; readonly usage: Usage | undefined }
  /** A 200 with an error inside. */
  | { readonly kind: 'failure'; readonly failure: Failure }
  /** Not the wire; `detail` completes "The upstream 'x' …". */
  | { readonly kind: 'unusable'; readonly detail: string };

/** What the events of one stream say, noted as they pass. Sync, because it runs once per read. */
export interface EventReader {
  /** What makes an event worth decoding: searched in the bytes, read as Latin-1. */
  readonly mark: RegExp;
  /** Takes a decoded event; returns the failure that it tells of. */
  read(event: SseEvent): Failure | undefined;
  /** Takes part of an event that is too large to hold, and so to decode, as Latin-1: what it shows is taken as it is. */
  readPart(text: string): void;
  /** A proper end was seen. Always true on a wire that has none. */
  readonly isComplete: boolean;
  /** The wire's `endMark` came: what follows is no part of the answer. */
  readonly sawEndMark: boolean;
  /** The stream itself said that the request failed. */
  readonly hasFailed: boolean;
  /** The last one seen, in chat's words. */
  readonly usage: Usage | undefined;
}

export interface EventFailure {
  readonly status: number;
  readonly message: string;
  readonly type: string;
  readonly code: string | null;
}

/** How silence is bridged: by a comment, by an empty delta for clients that break on comments, or not. */
export type KeepAliveMode = 'comment' | 'chunk' | 'off';

/** What all chunks of one stream have in common. */
export interface ChunkIdentity {
  readonly id?: string;
  /** Seconds. */
  readonly created?: number;
  readonly model?: string;
}

/** A model under the name that reaches it; further members are the upstream's own. */
export interface ListedModel {
  readonly id: string;
  readonly [key: string]: unknown;
}
