/** The trace in an answer from the cache: it tells how the answer came about, and that nothing was sent for this request. */
import { ByteStream, DONE, encodeData, SseDecoder, type LooseReply } from '../../../core/index.ts';

const NOTHING_SENT = { calls: 0, rounds: 0, cache: 'hit' };

/** The reply with these numbers in its member `optigate`, which is in one chunk of a stream. */
export function withTraceOfHit(reply: LooseReply): LooseReply {
  if (reply.kind === 'complete') {
    const optigate: unknown = Reflect.get(reply.body.value, 'optigate');
    return isObject(optigate)
      ? { ...reply, body: reply.body.with({ optigate: { ...optigate, ...NOTHING_SENT } }) }
      : reply;
  }
  if (reply.kind !== 'stream' || !(reply.body instanceof ByteStream)) return reply;
  const decoder = new SseDecoder();
  const changed = (bytes: Buffer) => Buffer.concat(decoder.push(bytes).map(({ data }) => withNumbers(data)));
  return { ...reply, body: reply.body.map(changed, () => undefined) };
}

function withNumbers(data: string): Buffer {
  // Only the chunk with the trace has to be read.
  if (!data.includes('"optigate"')) return data === '[DONE]' ? DONE : Buffer.from(`data: ${data}\n\n`);
  const chunk = JSON.parse(data) as { readonly optigate?: unknown };
  const { optigate } = chunk;
  return encodeData(isObject(optigate) ? { ...chunk, optigate: { ...optigate, ...NOTHING_SENT } } : chunk);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
