import type { Dispatcher } from 'undici';
import { ByteStream, type Source } from '../bytes/byte-stream.ts';
import type { HeaderList } from '../bytes/header-list.ts';
import type { Clock } from '../clock.ts';
import { gatewayError } from '../errors.ts';
import type { Call } from '../exchange/exchange.ts';
import { bytesReply, streamReply, type Reply } from '../exchange/reply.ts';
import type { Usage } from '../wire/chat/chat-types.ts';
import { EventStreamWatch, type StreamEnd } from '../wire/event-stream.ts';
import { beginsLikeObject, UsageTail } from '../wire/examine.ts';
import { bodyOf, type Failure } from '../wire/failure.ts';
import type { Wire } from '../wire/wire.ts';
import { account } from './accounting.ts';
import { bodyKindOf } from './body-kind.ts';
import { PassedErrorEvent, toFailure } from './connection-failure.ts';
import { openDecoder, type Decoder, type DecoderOwner } from './decode.ts';
import { errorAnswer } from './error-answer.ts';
import { StreamBeginning } from './first-event.ts';
import { readHead, type ReceivedHeaders } from './response-head.ts';
import type { Secrets } from './secrets.ts';
import { readWholeAnswer } from './whole-answer.ts';

/** Answers up to this size are complete replies. Larger ones are piped, unless the call wants its answer whole. */
const COMPLETE_BYTES = 1024 * 1024;
const WHOLE_BYTES = 32 * 1024 * 1024;
/** After this time a stream resolves even without an event, so that its client gets keep-alives. */
const FIRST_EVENT_MS = 15_000;

/**
 * `waiting` for headers, `collecting` a whole body, `probing` a stream for its first event, `flowing` to the reader, or
 * `over`.
 */
type State = 'waiting' | 'collecting' | 'probing' | 'flowing' | 'over';

/** How an attempt ends. With `abort` its connection is closed. */
interface Ending {
  readonly abort?: unknown;
  readonly usage?: Usage | undefined;
  readonly failure?: unknown;
  /** Nobody waits for the answer any more. */
  readonly isUnwanted?: boolean;
}

/** What an attempt needs. */
export interface AttemptInit {
  readonly call: Call;
  readonly wire: Wire;
  readonly method: string;
  /** Keys that must not be shown in headers and errors. */
  readonly secrets: Secrets;
  readonly clock: Clock;
}

/**
 * One request on its way. undici calls it on one side; on the other it resolves to a reply. It is all sync, and however
 * it ends (answer, failure, abort, timeout, a reader that leaves), `#end` runs once.
 */
export class Attempt implements Dispatcher.DispatchHandler, Source, DecoderOwner {
  readonly reply: Promise<Reply>;
  readonly #resolve: (reply: Reply) => void;
  readonly #reject: (error: unknown) => void;
  readonly #init: AttemptInit;
  readonly #startedAt: number;
  /** Milliseconds from the exchange's arrival, for the trace. */
  readonly #startMs: number;
  readonly #cancelTimeout: () => void;
  #state: State = 'waiting';
  #controller: Dispatcher.DispatchController | undefined;
  /** Why it ended while it was queued. There is no controller yet, so it is aborted when its turn comes. */
  #abortReason: Error | undefined;
  #decoder: Decoder | undefined;
  #status = 0;
  #headers: HeaderList = [];
  #isFramed = true;
  /** The first bytes have to show yet whether it is a stream or a whole answer, whatever the content type says. */
  #isUndecided = false;
  #chunks: Buffer[] = [];
  #size = 0;
  #beginning: StreamBeginning | undefined;
  #cancelProbe: (() => void) | undefined;
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
    this.#startMs = performance.now() - call.exchange.startedAt;
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

  onResponseStart(_: Dispatcher.DispatchController, status: number, received: ReceivedHeaders): void {
    if (status < 200) return;
    this.#status = status;
    const head = readHead(status, received, this.#init);
    if (typeof head === 'string') {
      this.#refuse(head);
      return;
    }
    this.#headers = this.#init.secrets.inAnswerHeaders(head.headers);
    this.#isFramed = head.isFramed;
    this.#isUndecided = status < 400 && this.#init.wire.hasTwoForms;
    if (head.encoding !== undefined) {
      this.#decoder = openDecoder(head.encoding, this);
      if (!this.#decoder) {
        this.#refuse('answered in an encoding that was not asked for');
        return;
      }
    }
    if (head.body === 'whole') this.#state = 'collecting';
    else if (head.body === 'piped') this.#flow('bytes', []);
    else this.#probe();
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    // Resuming makes undici report an empty chunk, which a reader would answer with the next pause and resume.
    if (chunk.length === 0) return;
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
    this.#end({ abort: reason, isUnwanted: true });
  }

  // The body, decoded.

  take(chunk: Buffer): void {
    if (this.#isUndecided) this.#decide(chunk);
    if (this.#state === 'flowing') this.#pass(chunk);
    else if (this.#state === 'collecting') this.#collect(chunk);
    else if (this.#state === 'probing' && this.#beginning) {
      const verdict = this.#beginning.push(chunk);
      if (verdict === 'flow') this.#flow('stream', this.#beginning.release());
      else if (verdict === 'unusable') this.#refuse('sent an event stream that is no answer');
      else if (verdict === 'error') this.#answerFailure(this.#watch?.errorEvent);
    }
  }

  /** Looks at the first bytes, and goes on as they say if the content type said something else. */
  #decide(chunk: Buffer): void {
    const held = this.#chunks;
    const kind = bodyKindOf(held.length === 0 ? chunk : Buffer.concat([...held, chunk]));
    this.#isUndecided = kind === undefined;
    if (kind === 'events' && this.#state === 'collecting') {
      this.#chunks = [];
      this.#size = 0;
      this.#probe();
      for (const before of held) this.take(before);
    } else if (kind === 'object' && this.#state === 'probing') {
      this.#cancelProbe?.();
      this.#watch = undefined;
      this.#beginning = undefined;
      this.#state = 'collecting';
    }
  }

  finish(): void {
    if (this.#state === 'over') return;
    if (this.#watch) this.#finishEvents(this.#watch);
    else if (this.#state === 'collecting') this.#answerWhole();
    else this.#endBody();
  }

  undecodable(error: Error): void {
    this.#refuse('sent a body that cannot be decoded', error);
  }

  drained(): void {
    this.#controller?.resume();
  }

  readonly #onAbort = (): void => this.#fail(this.#init.call.signal.reason);

  #collect(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    const { call, wire } = this.#init;
    const { wantsWhole } = call;
    const isError = this.#status >= 400;
    if (this.#size <= (wantsWhole && !isError ? WHOLE_BYTES : COMPLETE_BYTES)) return;
    if (isError) this.#answerError(Buffer.alloc(0), this.#status);
    else if (wantsWhole) this.#refuse(`answered with more than ${WHOLE_BYTES} bytes`);
    else if (!wire.isOpen && !beginsLikeObject(Buffer.concat(this.#chunks)))
      this.#refuse('answered with something that is not a JSON object');
    else this.#flow('bytes', this.#chunks);
  }

  #probe(): void {
    const { call, clock, wire } = this.#init;
    this.#watch = new EventStreamWatch({ wire, request: call.request.value });
    const beginning = new StreamBeginning(this.#watch);
    this.#beginning = beginning;
    this.#state = 'probing';
    const left = Math.max(0, FIRST_EVENT_MS - (clock.now() - this.#startedAt));
    this.#cancelProbe = clock.setTimeout(() => this.#flow('stream', beginning.release()), left);
  }

  /** Resolves with a reply whose reader gets what was held, and all that follows. */
  #flow(kind: 'stream' | 'bytes', held: readonly Buffer[]): void {
    this.#cancelProbe?.();
    const body = new ByteStream(this);
    this.#body = body;
    this.#chunks = [];
    this.#state = 'flowing';
    const { wire } = this.#init;
    if (kind === 'bytes' && !wire.isOpen) this.#tail = new UsageTail();
    for (const chunk of held) {
      this.#tail?.push(chunk);
      body.push(this.#shown(chunk));
    }
    this.#resolve((kind === 'stream' ? streamReply : bytesReply)(body, this.#status, this.#headers));
  }

  #pass(chunk: Buffer): void {
    this.#size += chunk.length;
    this.#tail?.push(chunk);
    const passed = this.#watch ? this.#watch.push(chunk) : chunk;
    if (passed) this.#body?.push(this.#shown(passed));
  }

  /** Events as they are shown. What a model writes is not looked at, only what comes with and after an error. */
  #shown(events: Buffer): Buffer {
    const watch = this.#watch;
    return watch && (watch.hasFailed || watch.hasRest) ? this.#init.secrets.inBytes(events) : events;
  }

  #finishEvents(watch: EventStreamWatch): void {
    const end = watch.end();
    if (end.isWhole) this.#endEvents(end, {});
    else {
      const { name } = this.#init.call.upstream;
      const detail = 'its event stream has no proper end';
      this.#fail(gatewayError('upstream_stream_interrupted', { upstream: name, detail }));
    }
  }

  #endEvents({ rest, append }: StreamEnd, how: Ending): void {
    if (this.#state === 'probing' && this.#beginning) this.#flow('stream', this.#beginning.release());
    if (rest) this.#body?.push(rest);
    if (append) this.#body?.push(append);
    this.#endBody(how);
  }

  #endBody(how: Ending = {}): void {
    this.#end(how);
    this.#body?.end();
  }

  #answerWhole(): void {
    const bytes = this.#chunks.length === 1 && this.#chunks[0] ? this.#chunks[0] : Buffer.concat(this.#chunks);
    const facts = { status: this.#status, headers: this.#headers, isFramed: this.#isFramed, ...this.#init };
    const read = readWholeAnswer(bytes, facts);
    if (read.kind === 'unusable') this.#refuse(read.detail);
    else if (read.kind === 'refusal') this.#answerError(read.received, read.status);
    else {
      this.#end({ usage: read.usage });
      this.#resolve(read.reply);
    }
  }

  #answerFailure(failure: Failure | undefined): void {
    if (failure) this.#answerError(bodyOf(failure), failure.status);
  }

  #answerError(received: Buffer, status: number): void {
    const { secrets, call, wire } = this.#init;
    const reply = errorAnswer(received, status, this.#headers, { upstream: call.upstream, wire, secrets });
    this.#status = reply.status;
    this.#end({ abort: new Error('the rest of a refusal is not read') });
    this.#resolve(reply);
  }

  /** @param detail  Completes "The upstream 'x' …". */
  #refuse(detail: string, cause?: unknown): void {
    const { name } = this.#init.call.upstream;
    this.#fail(gatewayError('upstream_error', { upstream: name, detail }, { cause }));
  }

  #fail(error: unknown): void {
    if (this.#state === 'over') return;
    // After its last event a stream is whole, however the connection ends.
    const whole = this.#watch?.isOver === true && !this.#init.call.signal.aborted ? this.#watch.end() : undefined;
    if (whole?.isWhole) {
      this.#endEvents(whole, { abort: error });
      return;
    }
    const failure = this.#failureOf(error);
    const body = this.#body;
    this.#end({ abort: failure, failure, isUnwanted: this.#init.call.signal.aborted });
    if (body) body.fail(failure);
    else this.#reject(failure);
  }

  #failureOf(error: unknown): unknown {
    const { signal, upstream } = this.#init.call;
    if (signal.aborted && error === signal.reason) return error;
    const sent = this.#body && this.#watch?.errorEvent;
    if (sent) return new PassedErrorEvent(this.#init.secrets.inFailure(sent), error);
    return toFailure(error, upstream, this.#state === 'waiting' ? 'waiting' : 'reading');
  }

  /** Releases everything: timers, the signal, and, for the reason `abort`, a connection that is still in use. */
  #end(how: Ending): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#chunks = [];
    this.#cancelTimeout();
    this.#cancelProbe?.();
    const { call } = this.#init;
    call.signal.removeEventListener('abort', this.#onAbort);
    const usage = how.usage ?? this.#watch?.usage ?? this.#tail?.usage;
    const seen = how.isUnwanted === true && this.#controller ? this.#size : undefined;
    account(call, { startMs: this.#startMs, status: this.#status, usage, failure: how.failure, seen });
    if (!('abort' in how)) return;
    this.#decoder?.destroy();
    const reason = how.abort instanceof Error ? how.abort : new Error('the answer is not wanted any more');
    if (this.#controller) this.#controller.abort(reason);
    else this.#abortReason = reason;
  }
}
