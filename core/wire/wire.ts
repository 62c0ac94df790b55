import type { Fields } from '../bytes/json.ts';
import type { GatewayError } from '../errors.ts';
import type { Usage } from './chat/chat-types.ts';
import type { Failure } from './failure.ts';
import type { SseEvent } from './sse.ts';

/**
 * One wire: the format in which an API sends answers. It says how answers look (whole and streamed), how errors look,
 * and where usage is reported. Everything that differs by wire is a member here, so that no other code asks which wire
 * it handles. A provider whose API has a format of its own brings its own `Wire`.
 */
export interface Wire {
  /** For logs and messages: `chat`, `messages`. */
  readonly name: string;
  /** The API that the wire belongs to, for error messages: whose it is, and the built-in provider that speaks it. */
  readonly api: { readonly title: string; readonly provider: string };
  /** The response header that holds this API's request id. Lower case. */
  readonly requestIdHeader: string;

  /** An open wire: an answer may be anything (a file, audio, a list), and its content is not examined. */
  readonly isOpen: boolean;
  /**
   * Is a body that came with a 2xx an answer, a failure, or neither?
   * @param isFramed  Do the headers say where the body ends (by length or chunking)? If not, a cut looks like an end.
   */
  examine(body: Buffer, isFramed: boolean): Examined;

  /**
   * The bytes that end a stream, since clients wait for them; undefined if the stream just ends with its last event.
   */
  readonly endMark: Buffer | undefined;
  /**
   * Creates the reader of one stream's events.
   * @param request  Says how many choices must finish before the stream is complete.
   */
  readEvents(request: Fields): EventReader;

  /** Can answers be converted between whole and streamed? If not, `toEvents` and `toAnswer` always return undefined. */
  readonly hasTwoForms: boolean;
  /**
   * A whole answer as the events of a stream; undefined if it does not have this wire's shape.
   * @param hasUsage  Should the usage be among them? Counts only on wires that send it in a chunk of its own.
   */
  toEvents(answer: Fields, hasUsage: boolean): Buffer | undefined;
  /**
   * The events of a whole stream as one answer; undefined if they do not make a complete one.
   * @param options.needsUsage  Must it report its usage? Default: true, on wires that report it in a chunk of its own.
   */
  toAnswer(events: Buffer, options?: { readonly needsUsage?: boolean }): object | undefined;
  /** Does a stream report its usage in a chunk of its own, only to clients that ask for it? */
  readonly hasUsageChunk: boolean;
  /** Does the body of a 200 say that the request succeeded? If not, the answer is not kept. */
  isSuccess(body: Buffer, form: 'complete' | 'stream'): boolean;

  /** An error as the body of an HTTP answer. */
  errorBody(error: GatewayError, requestId: string): string;
  /**
   * An upstream's refusal as a body of this wire: unchanged if it has that shape, else written anew from what it says.
   */
  refusalBody(received: Buffer, refusal: { readonly status: number; readonly upstream: string }): Buffer;
  /**
   * An error as the last event of a stream that has begun.
   * @param sequenceNumber  The event's number, on a wire that numbers its events.
   */
  errorEvent(error: EventFailure, sequenceNumber?: number): Buffer;
  /**
   * The bytes that keep an idle stream open; send them only between events. Undefined if nothing is to be sent.
   * @param head  What the stream's chunks have in common. Called only if the bytes are a chunk.
   */
  keepAlive(mode: KeepAliveMode, head: () => ChunkIdentity): Buffer | undefined;

  /**
   * A list of models as clients of this API read it.
   * @param query  The request's query, in which some clients ask for a form of their own.
   */
  modelList(models: readonly ListedModel[], query: URLSearchParams): object;
  /** One model of such a list. */
  modelEntry(model: ListedModel): object;
}

/** What a body is that came with a 2xx. */
export type Examined =
  /** `value` is undefined if the body was so large that it was not parsed. */
  | { readonly kind: 'answer'; readonly value: Fields | undefined; readonly usage: Usage | undefined }
  /** A 200 with an error inside. `body` is the error alone, if it stands within what looks like an answer. */
  | { readonly kind: 'failure'; readonly failure: Failure; readonly body: Buffer }
  /** Not this wire; `detail` completes "The upstream 'x' …". */
  | { readonly kind: 'unusable'; readonly detail: string };

/** Notes what the events of one stream say. Sync, because it runs once per read. */
export interface EventReader {
  /**
   * Finds events that are worth decoding. It is searched for in their lines (`event: …`, `data: …`), whose text may be
   * Latin-1, so it holds ASCII only.
   */
  readonly mark: RegExp;
  /** Takes a decoded event. Returns the failure that it reports, if it does. */
  read(event: SseEvent): Failure | undefined;
  /** Takes part of an event that is too large to hold and decode, as Latin-1 text, and notes what it can find there. */
  readPart(text: string): void;
  /** A proper end was seen. Always true on an open wire. */
  readonly isComplete: boolean;
  /** The wire's `endMark` came. What follows is not part of the answer. */
  readonly sawEndMark: boolean;
  /** The stream itself said that the request failed. */
  readonly hasFailed: boolean;
  /** The last usage seen, in chat's field names. */
  readonly usage: Usage | undefined;
}

/** What an error event says. */
export interface EventFailure {
  readonly status: number;
  readonly message: string;
  readonly type: string;
  readonly code: string | null;
}

/** What keeps an idle stream open: a comment, an empty chunk for clients that break on comments, or nothing. */
export type KeepAliveMode = 'comment' | 'chunk' | 'off';

/** What all chunks of one stream have in common. */
export interface ChunkIdentity {
  readonly id: string;
  /** Seconds. */
  readonly created: number;
  readonly model: string;
}

/** A model in a list. Requests reach it under `id`; further members are the upstream's own. */
export interface ListedModel {
  readonly id: string;
  readonly [key: string]: unknown;
}
