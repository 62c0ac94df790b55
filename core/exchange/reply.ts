import { ByteStream, type Ending } from '../bytes/byte-stream.ts';
import type { HeaderList } from '../bytes/header-list.ts';
import type { ChatCompletion } from '../wire/chat/chat-types.ts';
import type { Payload } from '../bytes/payload.ts';

export interface CompleteReply {
  readonly kind: 'complete';
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Payload<ChatCompletion>;
}

/** A body on its way: `stream` is server-sent events cut at event borders, `bytes` anything else (files, audio, answers over 1 MB). */
export interface StreamReply {
  readonly kind: 'stream' | 'bytes';
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: ByteStream;
  cancel(): void;
}

/**
 * What an upstream call brought, an upstream's own refusal (status ≥ 400, always `complete`) included.
 * A reply that nobody reads is to be cancelled (`discard`), or its socket leaks.
 */
export type Reply = CompleteReply | StreamReply;

/** What a layer may return: its own stream may be any async iterable, core makes a `ByteStream` of it. */
export type LooseReply =
  | Reply
  | (Omit<StreamReply, 'body' | 'cancel'> & { readonly body: AsyncIterable<Uint8Array>; cancel?(): void });

export function completeReply(
  body: Payload<ChatCompletion>,
  status = 200,
  headers: HeaderList = JSON_HEADERS,
): CompleteReply {
  return { kind: 'complete', status, headers, body };
}

export function streamReply(body: ByteStream, status = 200, headers: HeaderList = SSE_HEADERS): StreamReply {
  return { kind: 'stream', status, headers, body, cancel: () => body.cancel() };
}

export function bytesReply(body: ByteStream, status: number, headers: HeaderList): StreamReply {
  return { kind: 'bytes', status, headers, body, cancel: () => body.cancel() };
}

const JSON_HEADERS: HeaderList = Object.freeze(['content-type', 'application/json']);
const SSE_HEADERS: HeaderList = Object.freeze(['content-type', 'text/event-stream; charset=utf-8']);

/** Frees what a reply holds. */
export function discard(reply: Reply): void {
  if (reply.kind !== 'complete') reply.cancel();
}

/**
 * Calls `listener` once, when the reply is over: at once for a complete one; for a body when its last byte was delivered,
 * it failed or was cancelled. The place to release what a layer holds: timers, slots, linked signals.
 */
export function onEnd(reply: Reply, listener: (ending: Ending) => void): void {
  if (reply.kind === 'complete') listener({ kind: 'ended' });
  else reply.body.onEnd(listener);
}

/** Brings what a plugin's layer returned into the one shape core works with. Throws a `TypeError` that says what is wrong. */
export function toReply(reply: LooseReply): Reply {
  if (typeof reply !== 'object' || reply === null || !('kind' in reply))
    throw new TypeError('a layer must return a reply');
  if (reply.kind === 'complete' || reply.body instanceof ByteStream) return reply as Reply;
  const body = ByteStream.from(reply.body, reply.cancel ? () => reply.cancel?.() : undefined);
  return { kind: reply.kind, status: reply.status, headers: reply.headers, body, cancel: () => body.cancel() };
}
