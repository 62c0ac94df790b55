/**
 * Bytes on their way from one producer to one consumer, pushed by sync callbacks: a chunk costs no promise. The consumer
 * attaches a sink (`pipe`) or iterates. Until then chunks are held, and after 64 KB the producer is paused.
 */

/** How a body ended. `cancelled`: somebody called `cancel` before its end. */
export type Ending =
  | { readonly kind: 'ended' }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'cancelled'; readonly reason: unknown };

/** The producer, as the stream controls it. */
export interface Source {
  pause(): void;
  resume(): void;
  cancel(reason: unknown): void;
}

/** The consumer, as the stream feeds it. */
export interface Sink {
  /** Takes a chunk. Returning `false` pauses the stream; the consumer calls the stream's `resume` later. */
  write(chunk: Buffer): boolean;
  end(): void;
  fail(error: unknown): void;
}

const HELD_BYTES = 64 * 1024;

/** A body that one producer pushes and one consumer reads, once. Other code may watch it with `observe` and `onEnd`. */
export class ByteStream implements AsyncIterable<Buffer> {
  readonly #source: Source;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #sink: Sink | undefined;
  #isFlowing = false;
  #isPaused = false;
  /** Nothing more comes from the producer. Held chunks may still have to be delivered. */
  #isClosed = false;
  #failure: { error: unknown } | undefined;
  #ending: Ending | undefined;
  #onEnd: ((ending: Ending) => void)[] = [];
  #observers: ((chunk: Buffer) => void)[] | undefined;

  constructor(source: Source) {
    this.#source = source;
  }

  /** Makes a stream of any iterable, for plugins that produce their own. `cancel` is called if it is cancelled. */
  static from(
    chunks: AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>,
    cancel?: () => void,
  ): ByteStream {
    const wake: { next: (() => void) | undefined } = { next: undefined };
    let isPaused = false;
    let isCancelled = false;
    const stream: ByteStream = new ByteStream({
      pause: () => (isPaused = true),
      resume: () => {
        isPaused = false;
        wake.next?.();
      },
      cancel: () => {
        isCancelled = true;
        wake.next?.();
        cancel?.();
      },
    });
    const pump = async () => {
      try {
        for await (const chunk of chunks) {
          if (isCancelled) return;
          stream.push(typeof chunk === 'string' ? Buffer.from(chunk) : toBuffer(chunk));
          if (isPaused) await new Promise<void>((resolve) => (wake.next = resolve));
          if (isCancelled) return;
        }
        stream.end();
      } catch (error) {
        stream.fail(error);
      }
    };
    queueMicrotask(() => void pump());
    return stream;
  }

  // The producer's side.

  push(chunk: Buffer): void {
    if (this.#ending || this.#isClosed) return;
    if (this.#isFlowing && this.#held.length === 0) {
      this.#deliver(chunk);
      return;
    }
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes > HELD_BYTES) this.#pauseSource();
  }

  end(): void {
    if (this.#ending || this.#isClosed) return;
    this.#isClosed = true;
    this.#settleIfDrained();
  }

  fail(error: unknown): void {
    if (this.#ending || this.#isClosed) return;
    this.#isClosed = true;
    this.#failure = { error };
    this.#settleIfDrained();
  }

  // The consumer's side.

  /** Delivers everything to `sink`, held chunks first. Throws if the stream already has a consumer. */
  pipe(sink: Sink): void {
    if (this.#sink) throw new Error('A body can be read only once');
    this.#sink = sink;
    if (this.#ending) {
      if (this.#ending.kind === 'ended') sink.end();
      else sink.fail(this.#ending.kind === 'failed' ? this.#ending.error : this.#ending.reason);
      return;
    }
    this.resume();
  }

  /** The consumer calls this when it can take more. Without a sink it does nothing. */
  resume(): void {
    if (!this.#sink) return;
    this.#isFlowing = true;
    while (this.#isFlowing && this.#held.length > 0) {
      const chunk = this.#held.shift();
      if (!chunk) break;
      this.#heldBytes -= chunk.length;
      this.#deliver(chunk);
    }
    this.#settleIfDrained();
    if (this.#isFlowing && this.#isPaused && !this.#ending) {
      this.#isPaused = false;
      this.#source.resume();
    }
  }

  /** Drops what is held and stops the producer. Calls `onEnd` listeners, but not the sink: usually its owner cancels. */
  cancel(reason?: unknown): void {
    if (this.#ending) return;
    this.#held = [];
    this.#heldBytes = 0;
    const wasOpen = !this.#isClosed;
    this.#isClosed = true;
    try {
      this.#finish({ kind: 'cancelled', reason });
    } finally {
      if (wasOpen) this.#source.cancel(reason);
    }
  }

  /** Calls `listener` once, after the last byte, a failure or `cancel`; at once if that has already happened. */
  onEnd(listener: (ending: Ending) => void): void {
    if (this.#ending) listener(this.#ending);
    else this.#onEnd.push(listener);
  }

  /** Shows every chunk to `observer` before the consumer gets it. Attach it before the consumer. */
  observe(observer: (chunk: Buffer) => void): void {
    (this.#observers ??= []).push(observer);
  }

  /**
   * A stream of changed chunks: `change` maps each one (undefined drops it), `flush` may add a last one. Back-pressure,
   * failure and cancelling pass through, and `onEnd` listeners of this stream are still called.
   */
  map(change: (chunk: Buffer) => Buffer | undefined, flush?: () => Buffer | undefined): ByteStream {
    let isFull = false;
    const mapped: ByteStream = new ByteStream({
      pause: () => (isFull = true),
      resume: () => {
        isFull = false;
        this.resume();
      },
      cancel: (reason) => this.cancel(reason),
    });
    const guarded = (produce: () => Buffer | undefined) => {
      try {
        const chunk = produce();
        if (chunk && chunk.length > 0) mapped.push(chunk);
        return true;
      } catch (error) {
        mapped.fail(error);
        this.cancel(error);
        return false;
      }
    };
    this.pipe({
      write: (chunk) => guarded(() => change(chunk)) && !isFull,
      end: () => {
        if (guarded(() => flush?.())) mapped.end();
      },
      fail: (error) => mapped.fail(error),
    });
    // If this stream is cancelled directly, its sink gets no call, and the mapped stream's reader would wait for ever.
    this.onEnd((ending) => {
      if (ending.kind === 'cancelled') mapped.fail(reasonOf(ending));
    });
    return mapped;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    const inbox: Buffer[] = [];
    let wake: (() => void) | undefined;
    let isOver = false;
    let failure: { error: unknown } | undefined;
    const wakeReader = () => {
      wake?.();
      wake = undefined;
    };
    this.pipe({
      write: (chunk) => {
        inbox.push(chunk);
        wakeReader();
        return false;
      },
      end: () => {
        isOver = true;
        wakeReader();
      },
      fail: (error) => {
        isOver = true;
        failure = { error };
        wakeReader();
      },
    });
    this.onEnd((ending) => {
      if (ending.kind !== 'cancelled') return;
      isOver = true;
      failure = { error: reasonOf(ending) };
      wakeReader();
    });
    try {
      for (;;) {
        const chunk = inbox.shift();
        if (chunk) yield chunk;
        else if (failure) throw failure.error;
        else if (isOver) return;
        else {
          this.resume();
          if (inbox.length === 0 && !isOver) await new Promise<void>((resolve) => (wake = resolve));
        }
      }
    } finally {
      this.cancel();
    }
  }

  #deliver(chunk: Buffer): void {
    if (this.#observers) for (const observer of this.#observers) observer(chunk);
    if (this.#sink?.write(chunk) === false) {
      this.#isFlowing = false;
      this.#pauseSource();
    }
  }

  #pauseSource(): void {
    if (this.#isPaused || this.#isClosed) return;
    this.#isPaused = true;
    this.#source.pause();
  }

  /** Ends the stream if the producer is done and nothing is held. A proper end waits for a sink; a failure does not. */
  #settleIfDrained(): void {
    if (!this.#isClosed || this.#ending || this.#held.length > 0) return;
    const failure = this.#failure;
    if (!failure && !this.#sink) return;
    try {
      this.#finish(failure ? { kind: 'failed', error: failure.error } : { kind: 'ended' });
    } finally {
      if (failure) this.#sink?.fail(failure.error);
      else this.#sink?.end();
    }
  }

  /** Calls all listeners even if one throws, so that each releases what it holds. Throws the first error afterwards. */
  #finish(ending: Ending): void {
    this.#ending = ending;
    const listeners = this.#onEnd;
    this.#onEnd = [];
    let failure: { error: unknown } | undefined;
    for (const listener of listeners) {
      try {
        listener(ending);
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure) throw failure.error;
  }
}

function reasonOf(ending: Extract<Ending, { kind: 'cancelled' }>): unknown {
  return ending.reason ?? new Error('The body was cancelled');
}

function toBuffer(chunk: Uint8Array): Buffer {
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
