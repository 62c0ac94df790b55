import type { Dispatcher } from 'undici';
import { ByteStream, type Source } from '../byte-stream.ts';
import type { Clock } from '../clock.ts';
import { GatewayError, gatewayError } from '../errors.ts';
import type { Call } from '../exchange.ts';
import { headerOf, withHeader, type HeaderList } from '../header-list.ts';
import { EventStreamWatch } from '../openai/event-stream.ts';
import type { ChatCompletion, Usage } from '../openai/types.ts';
import { Payload } from '../payload.ts';
import { bytesReply, completeReply, streamReply, type Reply } from '../reply.ts';
import { beginsLikeObject, examine, toUsage, UsageTail } from './answer.ts';
import { openDecoder, type Decoder, type DecoderOwner } from './decode.ts';
import { toFailure } from './failure.ts';
import { toClientHeaders } from './headers.ts';
import { errorAnswer, statusOfError } from './error-answer.ts';
import type { StreamWire } from './transport.ts';

/** Answers up to here are complete; larger ones are piped, unless the call wants its answer whole. */
const COMPLETE_BYTES = 1024 * 1024;
const WHOLE_BYTES = 32 * 1024 * 1024;
/** Comments held back before a stream's first event, and all bytes waited through for it. */
const HELD_COMMENT_BYTES = 64 * 1024;
const PROBED_BYTES = 1024 * 1024;
/** A stream without an event for so long resolves all the same: keep-alives begin then. */
const FIRST_EVENT_MS = 15_000;

/**
 * `waiting` for headers; `collecting` a body that will be whole; `probing` a stream for its first event; `flowing` to the
 * reader; `over`.
 */
type State = 'waiting' | 'collecting' | 'probing' | 'flowing' | 'over';

export interface AttemptInit {
  readonly call: Call;
  readonly wire: StreamWire;
  readonly method: string;
  /** Keys to be struck out of refusals. */
  readonly secrets: readonly string[];
  readonly clock: Clock;
}

/**
 * One request on its way: undici's callbacks on one side, a reply on the other. All of it is sync, per chunk and per
 * request, and whatever ends it (answer, failure, abort, time-out, a reader that leaves) passes `#end` once.
 */
export class Attempt implements Dispatcher.DispatchHandler, Source, DecoderOwner {
  readonly reply: Promise<Reply>;
  readonly #resolve: (reply: Reply) => void;
  readonly #reject: (error: unknown) => void;
  readonly #init: AttemptInit;
  readonly #startedAt: number;
  /** On the exchange's own scale, for the trace. */
  readonly #startedMs: number;
  #state: State = 'waiting';
  #controller: Dispatcher.DispatchController | undefined;
  /** Why it ended before undici gave a controller: the request waits in the pool's queue and is dropped when its turn comes. */
  #abortReason: Error | undefined;
  readonly #cancelTimeout: () => void;
  #cancelProbe: (() => void) | undefined;
  #decoder: Decoder | undefined;
  #status = 0;
  #headers: HeaderList = [];
  #isFramed = true;
  #chunks: Buffer[] = [];
  #size = 0;
  #watch: EventStreamWatch | undefined;
  #body: ByteStream | undefined;
  #tail: UsageTail | undefined;

  constructor(init: AttemptInit) {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    this.reply = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#init = init;
    const { call, clock } = init;
    const { name, settings } = call.upstream;
    this.#startedAt = clock.now();
    this.#startedMs = performance.now() - call.exchange.startedAt;
    this.#cancelTimeout = clock.setTimeout(
      () => this.#fail(gatewayError('upstream_timeout', { upstream: name, ms: settings.timeoutMs })),
      settings.timeoutMs,
    );
    call.signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  // undici's side.

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#abortReason) controller.abort(this.#abortReason);
    else this.#controller = controller;
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, received: Received): void {
    if (status < 200) return;
    const { call } = this.#init;
    const { operation } = call.exchange;
    const type = textOf(received['content-type']);
    const isEmpty = status === 204 || status === 205 || this.#init.method === 'HEAD';
    this.#status = status;
    this.#isFramed = received['content-length'] !== undefined || received['transfer-encoding'] !== undefined;
    if (status >= 300 && status < 400) return this.#refuse('answered with a redirect, which is not followed');
    if (isEmpty && operation !== 'other') return this.#refuse('answered without a body');
    const encoding = textOf(received['content-encoding']);
    const isEncoded = encoding !== '' && encoding !== 'identity' && !isEmpty;
    if (isEncoded) {
      this.#decoder = openDecoder(encoding, this);
      if (!this.#decoder) return this.#refuse('answered in an encoding that was not asked for');
    }
    const isPiped = status < 400 && operation === 'other' && !isJson(type);
    const keepsLength = isPiped && !isEncoded;
    this.#headers = toClientHeaders(received, { wire: call.upstream.provider.wire, keepsLength });
    if (status < 400 && type.startsWith('text/event-stream')) this.#probe();
    else if (isPiped || isEmpty) this.#flow('bytes');
    else this.#state = 'collecting';
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#decoder) this.take(chunk);
    else if (!this.#decoder.write(chunk)) this.#controller?.pause();
  }

  onResponseEnd(): void {
    if (this.#decoder) this.#decoder.end();
    else this.finish();
  }

  onResponseError(_: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#fail(error);
  }

  // The reader's side.

  pause(): void {
    if (this.#decoder) this.#decoder.pause();
    else this.#controller?.pause();
  }

  resume(): void {
    if (this.#decoder) this.#decoder.resume();
    else this.#controller?.resume();
  }

  cancel(reason: unknown): void {
    this.#end({ abort: reason });
  }

  // The body, decoded.

  take(chunk: Buffer): void {
    switch (this.#state) {
      case 'flowing':
        this.#pass(chunk);
        break;
      case 'collecting':
        this.#collect(chunk);
        break;
      case 'probing':
        this.#examineEvents(chunk);
        break;
      default:
    }
  }

  #collect(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    const { call } = this.#init;
    if (this.#size <= (call.wantsWhole && this.#status < 400 ? WHOLE_BYTES : COMPLETE_BYTES)) return;
    if (this.#status >= 400) this.#answerError(Buffer.alloc(0), this.#status);
    else if (call.wantsWhole) this.#refuse(`answered with more than ${WHOLE_BYTES} bytes`);
    else if (call.exchange.operation !== 'other' && !beginsLikeObject(Buffer.concat(this.#chunks)))
      this.#refuse('answered with something that is not a JSON object');
    else this.#flow('bytes');
  }

  #probe(): void {
    const { call, clock, wire } = this.#init;
    const n = call.exchange.operation === 'chat' ? call.request.value.n : undefined;
    this.#watch = new EventStreamWatch(typeof n === 'number' ? { wire, n } : { wire });
    this.#state = 'probing';
    const left = Math.max(0, FIRST_EVENT_MS - (clock.now() - this.#startedAt));
    this.#cancelProbe = clock.setTimeout(() => this.#flow('stream'), left);
  }

  #examineEvents(chunk: Buffer): void {
    const watch = this.#watch;
    if (!watch) return;
    this.#size += chunk.length;
    const events = watch.push(chunk);
    if (events) this.#chunks.push(events);
    if (watch.firstEventIsError) this.#answerFirstEvent();
    else if (watch.hasEvent || this.#size > PROBED_BYTES || this.#heldBytes() > HELD_COMMENT_BYTES)
      this.#flow('stream');
  }

  #heldBytes(): number {
    return this.#chunks.reduce((sum, { length }) => sum + length, 0);
  }

  /** The reply is known; what was held and all that follows goes to its reader. */
  #flow(kind: 'stream' | 'bytes'): void {
    this.#cancelProbe?.();
    const body = new ByteStream(this);
    const held = this.#chunks;
    this.#body = body;
    this.#chunks = [];
    this.#state = 'flowing';
    for (const chunk of held) {
      if (kind === 'bytes') this.#pass(chunk);
      else body.push(chunk);
    }
    this.#resolve((kind === 'stream' ? streamReply : bytesReply)(body, this.#status, this.#headers));
  }

  #pass(chunk: Buffer): void {
    let passed: Buffer | undefined = chunk;
    if (this.#watch) passed = this.#watch.push(chunk);
    else if (this.#init.call.exchange.operation !== 'other') (this.#tail ??= new UsageTail()).push(chunk);
    if (passed) this.#body?.push(passed);
  }

  finish(): void {
    if (this.#state === 'collecting') this.#answerWhole();
    else if (this.#watch) this.#finishEvents(this.#watch);
    else if (this.#state === 'flowing') {
      this.#end({});
      this.#body?.end();
    }
  }

  undecodable(error: Error): void {
    this.#refuse('sent a body that cannot be decoded', error);
  }

  drained(): void {
    this.#controller?.resume();
  }

  readonly #onAbort = (): void => this.#fail(this.#init.call.signal.reason);

  #finishEvents(watch: EventStreamWatch): void {
    if (this.#state === 'over') return;
    const { rest, isWhole, append } = watch.end();
    if (!isWhole) {
      const detail = 'its event stream has no proper end';
      this.#fail(gatewayError('upstream_stream_interrupted', { upstream: this.#init.call.upstream.name, detail }));
      return;
    }
    if (rest) this.#chunks.push(rest);
    if (watch.firstEventIsError) {
      this.#answerFirstEvent();
      return;
    }
    if (append) this.#chunks.push(append);
    if (this.#state === 'probing') this.#flow('stream');
    else for (const chunk of this.#chunks) this.#body?.push(chunk);
    this.#end({});
    this.#body?.end();
  }

  #answerWhole(): void {
    const bytes = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
    const { operation } = this.#init.call.exchange;
    if (!bytes) return this.#refuse('answered with an empty body');
    if (this.#status >= 400) return this.#answerError(bytes, this.#status);
    if (operation === 'other') return this.#answer(Payload.fromBytes<ChatCompletion>(bytes), undefined);
    const verdict = examine(bytes, operation, this.#isFramed);
    if (verdict.kind === 'unusable') return this.#refuse(verdict.detail);
    if (verdict.kind === 'error') return this.#answerError(bytes, statusOfError(verdict.value));
    return this.#answer(Payload.fromBytes(bytes, verdict.value), verdict.usage);
  }

  #answer(body: Payload<ChatCompletion>, usage: Usage | undefined): void {
    const headers = isJson(headerOf(this.#headers, 'content-type') ?? '')
      ? this.#headers
      : withHeader(this.#headers, 'content-type', 'application/json');
    this.#end({ usage });
    this.#resolve(completeReply(body, this.#status, headers));
  }

  #answerFirstEvent(): void {
    const event = this.#watch?.errorEvent;
    const body = event === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(event));
    this.#answerError(body, statusOfError(event));
  }

  #answerError(received: Buffer, status: number): void {
    const { secrets, call } = this.#init;
    const reply = errorAnswer(received, status, this.#headers, { upstream: call.upstream, secrets });
    this.#status = reply.status;
    this.#end({ abort: new Error('the rest of a refusal is not read') });
    this.#resolve(reply);
  }

  /** @param detail  Completes "The upstream 'x' …". */
  #refuse(detail: string, cause?: unknown): void {
    this.#fail(gatewayError('upstream_error', { upstream: this.#init.call.upstream.name, detail }, { cause }));
  }

  #fail(error: unknown): void {
    if (this.#state === 'over') return;
    const { signal, upstream } = this.#init.call;
    const isAbort = signal.aborted && error === signal.reason;
    const failure = isAbort ? error : toFailure(error, upstream, this.#state === 'waiting' ? 'waiting' : 'reading');
    const body = this.#body;
    this.#end({ abort: failure, failure });
    if (body) body.fail(failure);
    else this.#reject(failure);
  }

  /** Lets go of everything: timers, the signal, and the connection where it is not done (`abort`: why). */
  #end(how: { readonly abort?: unknown; readonly usage?: Usage | undefined; readonly failure?: unknown }): void {
    if (this.#state === 'over') return;
    const { call } = this.#init;
    const usage = how.usage ?? (this.#watch ? toUsage(this.#watch.usage) : this.#tail?.usage);
    this.#state = 'over';
    this.#chunks = [];
    this.#cancelTimeout();
    this.#cancelProbe?.();
    call.signal.removeEventListener('abort', this.#onAbort);
    if (usage) call.exchange.ledger.add(usage);
    if (call.exchange.trace.isOn) this.#trace(usage, how.failure);
    if (!('abort' in how)) return;
    this.#decoder?.destroy();
    const reason = how.abort instanceof Error ? how.abort : new Error('the answer is not wanted any more');
    if (this.#controller) this.#controller.abort(reason);
    else this.#abortReason = reason;
  }

  #trace(usage: Usage | undefined, failure: unknown): void {
    const { exchange, role, request, upstream } = this.#init.call;
    exchange.trace.add({
      role,
      upstream: upstream.name,
      ...(exchange.operation === 'chat' ? { model: request.value.model } : {}),
      startMs: this.#startedMs,
      endMs: performance.now() - exchange.startedAt,
      ...(this.#status === 0 ? {} : { status: this.#status }),
      ...(usage ? { usage } : {}),
      ...(failure instanceof GatewayError ? { error: failure.code } : {}),
    });
  }
}

type Received = Readonly<Record<string, string | string[] | undefined>>;

function isJson(contentType: string): boolean {
  return /^application\/(?:[\w.-]+\+)?json\b/i.test(contentType);
}

function textOf(value: string | string[] | undefined): string {
  return (typeof value === 'string' ? value : (value?.join(',') ?? '')).toLowerCase();
}
