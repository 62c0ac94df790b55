import { ByteStream, type Ending } from '../bytes/byte-stream.ts';
import type { HeaderList } from '../bytes/header-list.ts';
import type { Payload } from '../bytes/payload.ts';
import type { ChatCompletion } from '../wire/chat/chat-types.ts';

/** A reply whose body is there as a whole: an answer, or an upstream's refusal. */
export interface CompleteReply {
  readonly kind: 'complete';
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Payload<ChatCompletion>;
}

/**
 * A reply whose body is still arriving. `stream`: server-sent events; each chunk holds whole events. `bytes`: anything
 * else, such as files, audio, and answers over 1 MB.
 */
export interface StreamReply {
  readonly kind: 'stream' | 'bytes';
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: ByteStream;
  cancel(): void;
}

/**
 * What an upstream call brought. An upstream's refusal (status ≥ 400) is a reply, too, and always `complete`. If nobody
 * reads a reply, `discard` it, or its connection stays open.
 */
export type Reply = CompleteReply | StreamReply;

/** What a layer may return: a reply, whose body may be any async iterable. Core makes a `ByteStream` of it. */
export type LooseReply =
  | Reply
  | (Omit<StreamReply, 'body' | 'cancel'> & { readonly body: AsyncIterable<Uint8Array>; cancel?(): void });

/** A reply with a whole body, by default a JSON answer with status 200. */
export function completeReply(
  body: Payload<ChatCompletion>,
  status = 200,
  headers: HeaderList = JSON_HEADERS,
): CompleteReply {
  return { kind: 'complete', status, headers, body };
}

/** A reply with server-sent events. Each chunk of `body` must hold whole events. */
export function streamReply(body: ByteStream, status = 200, headers: HeaderList = SSE_HEADERS): StreamReply {
  return { kind: 'stream', status, headers, body, cancel: () => body.cancel() };
}

/** A reply whose body is passed on unread. */
export function bytesReply(body: ByteStream, status: number, headers: HeaderList): StreamReply {
  return { kind: 'bytes', status, headers, body, cancel: () => body.cancel() };
}

const JSON_HEADERS: HeaderList = Object.freeze(['content-type', 'application/json']);
const SSE_HEADERS: HeaderList = Object.freeze(['content-type', 'text/event-stream; charset=utf-8']);

/** Cancels the body of a reply that nobody will read. */
export function discard(reply: Reply): void {
  if (reply.kind !== 'complete') reply.cancel();
}

/**
 * Calls `listener` once, when the reply is over. A complete one is over at once, any other when its last byte was
 * delivered, or when its body failed or was cancelled. A layer releases there what it holds: timers, slots, signals.
 */
export function onEnd(reply: Reply, listener: (ending: Ending) => void): void {
  if (reply.kind === 'complete') listener({ kind: 'ended' });
  else reply.body.onEnd(listener);
}

/** Makes a `Reply` of what a plugin's layer returned. Throws a `TypeError` if it is no reply. */
export function toReply(reply: LooseReply): Reply {
  if (typeof reply !== 'object' || reply === null || !('kind' in reply))
    throw new TypeError('a layer must return a reply');
  if (reply.kind === 'complete' || reply.body instanceof ByteStream) return reply as Reply;
  const body = ByteStream.from(reply.body, reply.cancel ? () => reply.cancel?.() : undefined);
  return { kind: reply.kind, status: reply.status, headers: reply.headers, body, cancel: () => body.cancel() };
}
