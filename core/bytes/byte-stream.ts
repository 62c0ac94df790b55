/**
 * Bytes on their way from one producer to one consumer, pushed by sync callbacks: no promise and no generator per chunk.
 * A consumer attaches a sink (`pipe`), or iterates; until then a little is held and the producer paused.
 */

/** How a body ended. `cancelled`: its reader wanted no more. */
export type Ending =
  | { readonly kind: 'ended' }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'cancelled'; readonly reason: unknown };

export interface Source {
  pause(): void;
  resume(): void;
  cancel(reason: unknown): void;
}

export interface Sink {
  /** Takes a chunk. `false` asks for a pause; whoever said so calls `resume` on the stream later. */
  write(chunk: Buffer): boolean;
  end(): void;
  fail(error: unknown): void;
}

const HELD_BYTES = 64 * 1024;

export class ByteStream implements AsyncIterable<Buffer> {
  readonly #source: Source;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #sink: Sink | undefined;
  #isFlowing = false;
  #isPaused = false;
  /** The producer has said its last word; what is held may still have to go out. */
  #isClosed = false;
  #failure: { error: unknown } | undefined;
  #ending: Ending | undefined;
  #onEnd: ((ending: Ending) => void)[] = [];
  #observers: ((chunk: Buffer) => void)[] | undefined;

  constructor(source: Source) {
    this.#source = source;
  }

  /** Makes a stream of any iterable, for plugins that produce their own. */
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

  /** Hands everything to `sink`, what is held first. One consumer per stream. */
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

  /** The sink can take more. Without a sink nothing flows. */
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

  /** Nobody wants the rest: stops the producer. Harmless after the end. A sink is not told: it is for its owner to cancel. */
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

  /** Calls `listener` once: when the last byte was delivered, the stream failed or was cancelled; at once if that is past. */
  onEnd(listener: (ending: Ending) => void): void {
    if (this.#ending) listener(this.#ending);
    else this.#onEnd.push(listener);
  }

  /** Shows every chunk to `observer` before the consumer gets it. Attach before anything flows. */
  observe(observer: (chunk: Buffer) => void): void {
    (this.#observers ??= []).push(observer);
  }

  /**
   * A stream whose chunks are changed on their way: `change` maps one (undefined = nothing), `flush` adds a last one.
   * Back-pressure, failure and cancelling pass through; `onEnd` of this stream fires as before.
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
    // Whoever cancels this stream past the mapped one leaves its reader waiting otherwise.
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
    const rouse = () => {
      wake?.();
      wake = undefined;
    };
    this.pipe({
      write: (chunk) => {
        inbox.push(chunk);
        rouse();
        return false;
      },
      end: () => {
        isOver = true;
        rouse();
      },
      fail: (error) => {
        isOver = true;
        failure = { error };
        rouse();
      },
    });
    this.onEnd((ending) => {
      if (ending.kind !== 'cancelled') return;
      isOver = true;
      failure = { error: reasonOf(ending) };
      rouse();
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

  /** One listener's error does not keep the others from what they release. */
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
