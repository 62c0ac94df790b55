import { ByteStream } from '../bytes/byte-stream.ts';
import { Payload } from '../bytes/payload.ts';
import { gatewayError } from '../errors.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { completeReply, streamReply, type CompleteReply, type Reply, type StreamReply } from '../exchange/reply.ts';
import type { Gateway } from '../gateway.ts';
import type { ChatCompletion, Chunk } from '../wire/chat/chat-types.ts';
import { assembleStream } from '../wire/chat/chunk-assembler.ts';
import { readChunk } from '../wire/chat/chunk.ts';
import { CHOSEN_PIECE, completionToChunks } from '../wire/chat/completion-chunks.ts';
import { stripUsage } from '../wire/chat/stream-usage.ts';
import { DONE, encodeData, encodeText, SseDecoder, type SseEvent } from '../wire/sse.ts';
import type { Responder } from './responder.ts';
import { StreamProgress } from './stream-progress.ts';

/** What the client asked for, before plugins could change the request. */
interface Asked {
  readonly wantsStream: boolean;
  readonly wantsUsage: boolean;
}

/** Sends a reply in the form that the client asked for: whole, or as a stream. */
export async function deliver(
  gateway: Gateway,
  exchange: Exchange,
  reply: Reply,
  responder: Responder,
  asked: Asked,
): Promise<void> {
  if (exchange.operation !== 'chat') {
    const shown = await inForm(reply, exchange, asked);
    if (shown.kind === 'complete') responder.sendComplete(exchange, shown);
    else responder.sendStream(exchange, shown);
    return;
  }
  if (asked.wantsStream) deliverStream(gateway, exchange, reply, responder, asked);
  else if (reply.kind === 'stream') responder.sendComplete(exchange, await assembled(reply));
  else if (reply.kind === 'complete') responder.sendComplete(exchange, reply);
  else responder.sendStream(exchange, reply);
}

/**
 * The answer of another wire in the form that the client asked for, since some servers stream although a whole answer was
 * asked for, or the other way round. As it is if it cannot be converted.
 */
async function inForm(reply: Reply, { wire, plan }: Exchange, { wantsStream, wantsUsage }: Asked): Promise<Reply> {
  if (!wire.hasTwoForms || reply.status !== 200) return reply;
  if (reply.kind === 'complete') {
    const events = wantsStream ? wire.toEvents(reply.body.value, wantsUsage) : undefined;
    return events ? { ...streamReply(ByteStream.from([events])), headers: reply.headers } : reply;
  }
  if (reply.kind !== 'stream' || wantsStream) return reply;
  const chunks: Buffer[] = [];
  for await (const chunk of reply.body) chunks.push(chunk);
  const answer = wire.toAnswer(Buffer.concat(chunks), { needsUsage: false });
  if (answer) return completeReply(Payload.fromValue(answer as ChatCompletion));
  const upstream = plan?.upstream.name ?? '';
  throw gatewayError('upstream_error', { upstream, detail: 'sent a stream that makes no whole answer' });
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

/**
 * A whole reply as a stream of chunks. They name the model that progress named before, if it went out. An approach's
 * text is cut into pieces, as clients expect of a stream.
 */
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

/**
 * Passes chunks through the taps on `chunk`, and gives them the id that progress has used. Without taps or such an id
 * the bytes pass undecoded.
 */
function shaped(gateway: Gateway, exchange: Exchange, body: ByteStream): ByteStream {
  const { chunk: hook } = gateway.hooks;
  const progressIdentity = exchange.progress instanceof StreamProgress ? exchange.progress.identity : undefined;
  // The chunks of core's own plans have that id already; those of a plugin's plan may not.
  const identity = progressIdentity?.id === exchange.plan?.stamp?.id ? undefined : progressIdentity;
  if (!hook.isUsed() && !identity) return body;
  const decoder = new SseDecoder();
  // An event that is no chunk (an error, the end mark) passes unchanged.
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

/** Reads a stream into one completion: a plugin may return a stream for a client that asked for a whole answer. */
async function assembled({ body, status }: StreamReply): Promise<CompleteReply> {
  return completeReply(Payload.fromValue(await assembleStream(body)), status);
}
