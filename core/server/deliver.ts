import { ByteStream } from '../bytes/byte-stream.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Gateway } from '../gateway.ts';
import { readChunk } from '../wire/chat/chunk.ts';
import { assembleStream } from '../wire/chat/chunk-assembler.ts';
import { CHOSEN_PIECE, completionToChunks } from '../wire/chat/completion-chunks.ts';
import { DONE, encodeData, encodeText, SseDecoder, type SseEvent } from '../wire/sse.ts';
import { stripUsage } from '../wire/chat/stream-usage.ts';
import type { Chunk } from '../wire/chat/chat-types.ts';
import { Payload } from '../bytes/payload.ts';
import { completeReply, streamReply, type CompleteReply, type Reply, type StreamReply } from '../exchange/reply.ts';
import { StreamProgress } from './stream-progress.ts';
import type { Responder } from './responder.ts';

/** What the client itself asked for, before any plugin changed the request. */
interface Asked {
  readonly wantsStream: boolean;
  readonly wantsUsage: boolean;
}

/** Sends a reply in the form the client asked for. */
export async function deliver(
  gateway: Gateway,
  exchange: Exchange,
  reply: Reply,
  responder: Responder,
  asked: Asked,
): Promise<void> {
  if (exchange.operation !== 'chat') {
    if (reply.kind === 'complete') responder.sendComplete(exchange, reply);
    else responder.sendStream(exchange, reply);
    return;
  }
  if (asked.wantsStream) deliverStream(gateway, exchange, reply, responder, asked);
  else if (reply.kind === 'stream') responder.sendComplete(exchange, await assembled(reply));
  else if (reply.kind === 'complete') responder.sendComplete(exchange, reply);
  else responder.sendStream(exchange, reply);
}

function deliverStream(gateway: Gateway, exchange: Exchange, reply: Reply, responder: Responder, asked: Asked): void {
  if (reply.kind === 'complete') {
    if (reply.status !== 200) {
      responder.sendComplete(exchange, reply);
      return;
    }
    const stream = asStream(reply, asked, exchange);
    responder.sendStream(exchange, stream, shaped(gateway, exchange, stream.body));
    return;
  }
  if (reply.kind === 'bytes') {
    responder.sendStream(exchange, reply);
    return;
  }
  const isStripped = gateway.needsStreamUsage && !asked.wantsUsage;
  const body = isStripped ? stripUsage(reply.body) : reply.body;
  responder.sendStream(exchange, reply, shaped(gateway, exchange, body));
}

/** Existing text as a stream: in pieces, as clients expect chunks, under the model that progress named before them. */
function asStream(reply: CompleteReply, { wantsUsage }: Asked, { progress, plan }: Exchange): StreamReply {
  const { value } = reply.body;
  const completion = progress.model === undefined ? value : { ...value, model: progress.model };
  const pieces = plan?.isSingleCall === false ? CHOSEN_PIECE : undefined;
  const chunks = completionToChunks(completion, { includeUsage: wantsUsage, pieces });
  const bytes = function* () {
    for (const chunk of chunks) yield encodeData(chunk);
    yield DONE;
  };
  return { ...streamReply(ByteStream.from(bytes())), headers: reply.headers };
}

/** Decodes only where somebody looks at chunks, or where progress went out under an id that the rest must share. */
function shaped(gateway: Gateway, exchange: Exchange, body: ByteStream): ByteStream {
  const { chunk: hook } = gateway.hooks;
  const shown = exchange.progress instanceof StreamProgress ? exchange.progress.identity : undefined;
  // Core's own plans stamp their chunks themselves; a plugin's plan may not.
  const identity = shown?.id === exchange.plan?.stamp?.id ? undefined : shown;
  if (!hook.isUsed() && !identity) return body;
  const decoder = new SseDecoder();
  // What is no chunk (an error, noise) is nobody's to change, and goes on as it came.
  const encoded = (event: SseEvent): Buffer => {
    const frame = readChunk(event);
    if (frame.kind !== 'chunk') return encodeText(event.data);
    const chunk: Chunk = identity ? { ...frame.chunk, ...identity } : frame.chunk;
    return encodeData(hook.isUsed() ? hook.call(chunk, exchange) : chunk);
  };
  const encode = (events: readonly SseEvent[]) =>
    events.length === 0 ? undefined : Buffer.concat(events.map(encoded));
  return body.map(
    (bytes) => encode(decoder.push(bytes)),
    () => encode(decoder.end()),
  );
}

/** A stream that somebody returned for a client that asked for a plain answer. */
async function assembled({ body, status }: StreamReply): Promise<CompleteReply> {
  return completeReply(Payload.fromValue(await assembleStream(body)), status);
}
