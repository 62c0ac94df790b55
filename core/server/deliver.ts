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
import { readFrame } from '../wire/frame.ts';
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
    else responder.sendStream(exchange, shown, renamed(shown, responder));
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
    responder.sendStream(exchange, stream, shaped(gateway, exchange, stream.body, responder));
    return;
  }
  if (reply.kind === 'bytes') {
    responder.sendStream(exchange, reply);
    return;
  }
  const isStripped = gateway.needsStreamUsage && !asked.wantsUsage;
  const body = isStripped ? stripUsage(reply.body) : reply.body;
  responder.sendStream(exchange, reply, shaped(gateway, exchange, body, responder));
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
 * Passes chunks through the taps on `chunk`. If progress or a keep-alive went out before, they get the same id, time and
 * model, and the role that progress has said is not repeated. Without any of these the bytes pass undecoded.
 */
function shaped(gateway: Gateway, exchange: Exchange, body: ByteStream, { identity }: Responder): ByteStream {
  const { chunk: hook } = gateway.hooks;
  const { progress } = exchange;
  const isRoleSaid = progress instanceof StreamProgress && progress.beginAnswer();
  if (!hook.isUsed() && !identity) return body;
  return changedChunks(body, (chunk) => {
    const ours = isRoleSaid ? withoutFirstRole(chunk) : chunk;
    const named = identity ? { ...ours, ...identity } : ours;
    return hook.isUsed() ? hook.call(named, exchange) : named;
  });
}

/** The chunks of another wire with the identity of the keep-alive chunk that went out before, if one did. */
function renamed(reply: Exclude<Reply, CompleteReply>, { identity }: Responder): ByteStream {
  if (!identity || reply.kind !== 'stream') return reply.body;
  return changedEvents(reply.body, (event) => {
    const frame = readFrame(event);
    return frame.kind === 'part' ? encodeData({ ...frame.value, ...identity }) : encodeText(event.data);
  });
}

/** The stream with each of its chunks changed. An event that is no chunk (an error, the end mark) passes unchanged. */
function changedChunks(body: ByteStream, change: (chunk: Chunk) => Chunk): ByteStream {
  return changedEvents(body, (event) => {
    const frame = readChunk(event);
    return frame.kind === 'chunk' ? encodeData(change(frame.chunk)) : encodeText(event.data);
  });
}

function changedEvents(body: ByteStream, encoded: (event: SseEvent) => Buffer): ByteStream {
  const decoder = new SseDecoder();
  const encode = (events: readonly SseEvent[]) =>
    events.length === 0 ? undefined : Buffer.concat(events.map(encoded));
  return body.map(
    (bytes) => encode(decoder.push(bytes)),
    () => encode(decoder.end()),
  );
}

/** The chunk without the role of its first choice. */
function withoutFirstRole(chunk: Chunk): Chunk {
  if (!chunk.choices.some(({ index, delta }) => index === 0 && delta.role !== undefined)) return chunk;
  const choices = chunk.choices.map((choice) => {
    if (choice.index !== 0) return choice;
    const { role: _role, ...delta } = choice.delta;
    return { ...choice, delta };
  });
  return { ...chunk, choices };
}

/** Reads a stream into one completion: a plugin may return a stream for a client that asked for a whole answer. */
async function assembled({ body, status }: StreamReply): Promise<CompleteReply> {
  return completeReply(Payload.fromValue(await assembleStream(body)), status);
}
