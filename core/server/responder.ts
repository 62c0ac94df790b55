import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { ByteStream } from '../bytes/byte-stream.ts';
import type { Clock } from '../clock.ts';
import type { GatewayError } from '../errors.ts';
import type { Exchange, StreamStamp } from '../exchange/exchange.ts';
import type { CompleteReply, Reply, StreamReply } from '../exchange/reply.ts';
import { PassedErrorEvent } from '../transport/connection-failure.ts';
import { UpstreamRefusal } from '../upstream/refusal.ts';
import { framesOf } from '../wire/frame.ts';
import type { ChunkIdentity, KeepAliveMode, Wire } from '../wire/wire.ts';
import { answerHeaders, errorAnswerHeaders } from './answer-headers.ts';
import { CLIENT_CLOSED } from './open-exchange.ts';
import { toGatewayError } from './thrown-error.ts';

/** A stream that is silent for this long gets a keep-alive. */
const SILENCE_MS = 15_000;

/** What a responder works with. */
export interface ResponderSettings {
  readonly response: ServerResponse;
  readonly requestId: string;
  readonly wire: Wire;
  readonly keepAlive: KeepAliveMode;
  readonly clock: Clock;
}

/**
 * Sends one answer: whole, as a stream with keep-alives, or as an error. When the headers are sent, the answer is
 * committed: before that a failure is an HTTP error, afterwards an error event in the stream.
 */
export class Responder {
  readonly #settings: ResponderSettings;
  readonly #response: ServerResponse;
  #body: ByteStream | undefined;
  #isEventStream = false;
  #lastWriteMs = 0;
  #lastChunk: Buffer | undefined;
  #cancelTimer: (() => void) | undefined;
  #identity: StreamStamp | undefined;
  /** Size of the body that was sent so far, for the log. */
  bytes = 0;
  /** The error that was sent, or that ended the stream. */
  error: GatewayError | undefined;

  constructor(settings: ResponderSettings) {
    this.#settings = settings;
    this.#response = settings.response;
  }

  get isCommitted(): boolean {
    return this.#response.headersSent;
  }

  /**
   * Id, time and model of the chunks that this program has sent by itself (progress, keep-alives); undefined before the
   * first. The answer's chunks have the same.
   */
  get identity(): StreamStamp | undefined {
    return this.#identity;
  }

  /**
   * The identity for a chunk of this program's own.
   * @param model  The model that has answered. Default, if none has: the one that is asked.
   */
  identify({ plan }: Exchange, model?: string): StreamStamp {
    return (this.#identity ??= {
      id: plan?.stamp?.id ?? `chatcmpl-${randomUUID()}`,
      created: plan?.stamp?.created ?? Math.floor(this.#settings.clock.now() / 1000),
      model: model ?? plan?.request.value.model ?? '',
    });
  }

  /**
   * The client asked for a stream: after 15 s of silence it gets headers and keep-alives, before the answer is there.
   */
  expectStream(exchange: Exchange): void {
    this.#lastWriteMs = this.#settings.clock.now();
    this.#armKeepAlive(exchange);
  }

  /** Sends a stream's headers, unless headers were sent. */
  beginStream(exchange: Exchange, reply?: Reply): void {
    if (this.isCommitted || this.#response.destroyed) return;
    this.#isEventStream = true;
    this.#response.writeHead(200, answerHeaders(exchange, this.#settings, reply, 'stream'));
  }

  /** Writes to the body. False if the client reads too slowly to take more at once. */
  write(chunk: Buffer): boolean {
    this.bytes += chunk.length;
    this.#lastWriteMs = this.#settings.clock.now();
    this.#lastChunk = chunk;
    return this.#response.write(chunk);
  }

  /** Sends a whole answer. If a stream has begun, an upstream's refusal becomes an error event in it. */
  sendComplete(exchange: Exchange, reply: CompleteReply): void {
    if (this.isCommitted) {
      this.fail(new UpstreamRefusal(reply, exchange.plan?.upstream.name ?? ''), exchange);
      return;
    }
    const { bytes } = reply.body;
    const isBodyless = exchange.client.method === 'HEAD';
    const headers = answerHeaders(exchange, this.#settings, reply, 'complete');
    headers.push('content-length', String(bytes.length));
    this.bytes = bytes.length;
    this.#response.writeHead(reply.status, headers);
    this.#response.end(isBodyless ? undefined : bytes);
  }

  /** Sends a body as it comes, and pauses it while the client reads too slowly. */
  sendStream(exchange: Exchange, reply: StreamReply, body: ByteStream = reply.body): void {
    if (this.#response.destroyed) {
      body.cancel(exchange.signal.reason);
      return;
    }
    if (!this.isCommitted) {
      this.#isEventStream = reply.kind === 'stream';
      this.#response.writeHead(reply.status, answerHeaders(exchange, this.#settings, reply, reply.kind));
    }
    this.#body = body;
    if (this.#isEventStream) this.#armKeepAlive(exchange);
    this.#response.on('drain', () => body.resume());
    body.pipe({
      write: (chunk) => this.write(chunk),
      end: () => this.#response.end(),
      fail: (error) => this.fail(error, exchange),
    });
  }

  end(): void {
    this.#response.end();
  }

  /** Before the first byte an HTTP error, then an error event, else closes the socket. */
  fail(thrown: unknown, exchange?: Exchange): void {
    if (thrown instanceof UpstreamRefusal && !this.isCommitted && exchange) {
      this.sendComplete(exchange, thrown.reply);
      return;
    }
    const error = toGatewayError(thrown);
    this.error = error;
    const { requestId, wire } = this.#settings;
    if (this.#response.destroyed || this.#response.writableEnded) return;
    if (!this.isCommitted) {
      const body = Buffer.from(wire.errorBody(error, requestId));
      const headers = errorAnswerHeaders(error, this.#settings, exchange);
      headers.push('content-length', String(body.length));
      // The rest of the request's body is not read, so the connection cannot be used again.
      if (error.status === 413 || error.status === 408) headers.push('connection', 'close');
      this.bytes = body.length;
      this.#response.writeHead(error.status, headers);
      this.#response.end(exchange?.client.method === 'HEAD' ? undefined : body);
    } else if (thrown instanceof PassedErrorEvent) {
      // The upstream's own error event was passed on already.
      this.#response.end();
    } else if (this.#isEventStream && this.#isAtEventBorder()) {
      this.write(wire.errorEvent(error));
      this.#response.end();
    } else {
      this.#response.destroy();
    }
  }

  #armKeepAlive(exchange: Exchange): void {
    const { clock, keepAlive: mode, wire } = this.#settings;
    if (this.#cancelTimer) return;
    const onSilence = () => {
      this.#cancelTimer = undefined;
      if (this.#response.writableEnded || this.#response.destroyed) return;
      const left = this.#lastWriteMs + SILENCE_MS - clock.now();
      if (left > 0) {
        this.#cancelTimer = clock.setTimeout(onSilence, left);
        return;
      }
      this.beginStream(exchange);
      const isBetweenEvents = this.#isEventStream && this.#isAtEventBorder();
      const bytes = isBetweenEvents ? wire.keepAlive(mode, () => this.#head(exchange)) : undefined;
      if (bytes && !this.#response.writableNeedDrain) this.write(bytes);
      else {
        this.#response.flushHeaders();
        this.#lastWriteMs = clock.now();
      }
      this.#cancelTimer = clock.setTimeout(onSilence, SILENCE_MS);
    };
    this.#lastWriteMs ||= clock.now();
    this.#cancelTimer = clock.setTimeout(onSilence, SILENCE_MS);
  }

  /** What a keep-alive chunk is called: as the chunk before it, else as the answer's chunks will be. */
  #head(exchange: Exchange): ChunkIdentity {
    const before = this.#identity ?? (this.#lastChunk && identityIn(this.#lastChunk));
    return before ?? this.identify(exchange, exchange.progress.model);
  }

  /** Did the last write end an event? An event of ours after half of another could not be read. */
  #isAtEventBorder(): boolean {
    const chunk = this.#lastChunk;
    if (!chunk || chunk.length < 2) return !chunk;
    const last = chunk[chunk.length - 1];
    const before = chunk[chunk.length - 2];
    return (last === 0x0a && (before === 0x0a || before === 0x0d)) || (last === 0x0d && before === 0x0d);
  }

  /** Call it when the connection closes: stops keep-alives, and cancels a body that is not sent to its end. */
  release(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (!this.#response.writableFinished) this.#body?.cancel(CLIENT_CLOSED);
  }
}

/** What the last chunk in these events is called; undefined if there is none. */
function identityIn(events: Buffer): ChunkIdentity | undefined {
  for (const frame of framesOf(events).toReversed()) {
    if (frame.kind !== 'part') continue;
    const { id, created, model } = frame.value;
    if (typeof id === 'string' && typeof created === 'number' && typeof model === 'string')
      return { id, created, model };
  }
  return undefined;
}
