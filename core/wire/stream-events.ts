import type { StreamWire } from './stream-wire.ts';

export interface EventFailure {
  readonly message: string;
  readonly type: string;
  readonly code: string | null;
}

/** How silence is bridged: by a comment, by an empty delta for clients that break on comments, or not. */
export type KeepAliveMode = 'comment' | 'chunk' | 'off';

/**
 * A failure as the last event of a stream that has begun, in the words of its wire.
 * @param sequenceNumber  The next one of a Responses stream.
 */
export function errorEvent(wire: StreamWire, failure: EventFailure, sequenceNumber: number = 0): Buffer {
  const { message, type, code } = failure;
  switch (wire) {
    case 'responses': {
      const data = { type: 'error', code, message, param: null, sequence_number: sequenceNumber };
      return Buffer.from(`event: error\ndata: ${JSON.stringify(data)}\n\n`);
    }
    case 'messages':
      return Buffer.from(`event: error\ndata: ${JSON.stringify({ type: 'error', error: { type, message } })}\n\n`);
    default:
      return Buffer.from(`data: ${JSON.stringify({ error: { message, type, param: null, code } })}\n\n`);
  }
}

const COMMENT = Buffer.from(': keep-alive\n\n');
const PING = Buffer.from('event: ping\ndata: {"type":"ping"}\n\n');

/**
 * The bytes that keep an idle stream open, to be sent at event borders only; undefined where nothing may be sent. On
 * wires without an empty delta `chunk` means a comment.
 * @param head  What all chunks of the stream have in common, where it is known.
 */
export function keepAlive(
  wire: StreamWire,
  mode: KeepAliveMode,
  head?: { readonly id?: string; readonly created?: number; readonly model?: string },
): Buffer | undefined {
  if (mode === 'off') return undefined;
  if (wire === 'messages') return PING;
  if (mode === 'comment' || (wire !== 'chat' && wire !== 'completions')) return COMMENT;
  const { id = 'chatcmpl-keep-alive', created = Math.floor(Date.now() / 1000), model = '' } = head ?? {};
  const rest =
    wire === 'chat'
      ? { object: 'chat.completion.chunk', choices: [{ index: 0, delta: {}, finish_reason: null }] }
      : { object: 'text_completion', choices: [{ index: 0, text: '', logprobs: null, finish_reason: null }] };
  return Buffer.from(`data: ${JSON.stringify({ id, created, model, ...rest })}\n\n`);
}
