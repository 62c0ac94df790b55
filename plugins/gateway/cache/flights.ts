/**
 * Single-flight within one process: equal requests under way share one call. Whoever comes first leads; whoever comes
 * later gets what came so far and then the rest live, or, where it wants another form, the finished answer.
 */
import { ByteStream, discard, type Reply, type Sink, type StreamReply } from '../../../core/index.ts';
import { headersToKeep, type Entry } from './entry.ts';
import { unlessAborted } from './unless-aborted.ts';

/** What a flight brings: an answer that was found after all (in a slower store), or a reply. */
export type Landing = { readonly entry: Entry } | { readonly reply: Reply };

export interface FlightPlan {
  /** Fetches the answer. `signal` aborts when nobody waits for it any more. */
  fetch(signal: AbortSignal): Promise<Landing>;
  /** Gets a whole, successful answer, once; stores it, and returns it as an entry. undefined = not to be shared. */
  keep(reply: Reply, body: Buffer): Entry | undefined;
  /** Nobody can board any more. Called once. */
  closed(): void;
  /** Up to here everything is held for those who come later, in bytes. */
  readonly maxBytes: number;
}

/** Somebody who joins a flight. */
export interface Passenger {
  readonly signal: AbortSignal;
  /** A stream, or the whole at once? */
  readonly wantsStream: boolean;
  /** May it have the reply while it comes? Otherwise it waits for the end. */
  readonly isLive: boolean;
  /** Is a body that comes as bytes of no use to it? */
  readonly wantsWhole: boolean;
  /** Changes what this passenger sees of a stream; chunks are whole events. */
  change?(chunk: Buffer): Buffer;
}

interface Rider {
  readonly body: ByteStream;
  readonly change: ((chunk: Buffer) => Buffer) | undefined;
  /** Number of the next chunk it gets. */
  next: number;
  isFull: boolean;
}

export class Flight implements Sink {
  readonly #plan: FlightPlan;
  readonly #abort = new AbortController();
  /** The reply has begun. */
  readonly #opened = Promise.withResolvers<Landing>();
  /** The reply is whole; undefined where it cannot be had as an entry. */
  readonly #landed = Promise.withResolvers<Entry | undefined>();
  readonly #riders = new Set<Rider>();
  /** Those who wait, and those who ride. */
  #aboard = 0;
  #isOver = false;
  #isClosed = false;
  #reply: StreamReply | undefined;
  /** The chunks from number `#firstChunk` on. */
  #chunks: Buffer[] = [];
  #firstChunk = 0;
  #bytes = 0;
  /** Is every chunk since the first still held? */
  #isWhole = true;
  #isPaused = false;
  #ending: { readonly error?: unknown } | undefined;

  constructor(plan: FlightPlan) {
    this.#plan = plan;
    this.#opened.promise.catch(() => undefined);
    this.#landed.promise.catch(() => undefined);
  }

  /** Starts the flight. The leader gets the reply as it came. */
  lead(signal: AbortSignal): Promise<Landing> {
    this.#aboard++;
    return new Promise((resolve, reject) => {
      let hasLeft = false;
      const onAbort = () => {
        hasLeft = true;
        reject(signal.reason as Error);
        this.#leave(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      const settled = () => signal.removeEventListener('abort', onAbort);
      this.#plan.fetch(this.#abort.signal).then(
        (landing) => {
          settled();
          // The leader boards before anything flows, so that it misses nothing.
          if (!hasLeft) resolve(this.#boardedBy(signal, landing));
          this.#open(landing);
        },
        (error: unknown) => {
          settled();
          reject(error);
          this.#fail(error);
        },
      );
    });
  }

  /** Joins. undefined = this flight brings nothing that the passenger could use; a failure is shared. */
  async join(passenger: Passenger): Promise<Landing | undefined> {
    const { signal, wantsStream, isLive, wantsWhole } = passenger;
    this.#aboard++;
    let isRiding = false;
    try {
      const landing = await unlessAborted(this.#opened.promise, signal);
      if ('entry' in landing) return landing;
      const { reply } = landing;
      if (reply.kind === 'complete' && reply.status !== 200) return landing;
      const fits = (reply.kind === 'stream') === wantsStream && !(wantsWhole && reply.kind === 'bytes');
      if (reply.kind !== 'complete' && fits && isLive && this.#isWhole) {
        isRiding = true;
        return { reply: this.#ride({ ...reply, headers: headersToKeep(reply.headers) }, passenger) };
      }
      const entry = await unlessAborted(this.#landed.promise, signal);
      if (entry) return { entry };
      return reply.kind === 'complete' && fits
        ? { reply: { ...reply, headers: headersToKeep(reply.headers) } }
        : undefined;
    } finally {
      if (!isRiding) this.#leave(signal.reason);
    }
  }

  // Sink of the reply's body.

  write(chunk: Buffer): boolean {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#isWhole && this.#bytes > this.#plan.maxBytes) this.#outgrow();
    for (const rider of this.#riders) this.#feed(rider);
    if (!this.#isWhole) this.#forget();
    this.#isPaused = this.#isStuck();
    return !this.#isPaused;
  }

  end(): void {
    this.#ending = {};
    const entry =
      this.#isWhole && this.#reply?.kind === 'stream'
        ? this.#plan.keep(this.#reply, Buffer.concat(this.#chunks))
        : undefined;
    this.#finish(entry);
    for (const rider of this.#riders) this.#feed(rider);
  }

  fail(error: unknown): void {
    this.#ending = { error };
    this.#fail(error);
    for (const rider of this.#riders) this.#feed(rider);
  }

  #open(landing: Landing): void {
    if ('entry' in landing) {
      this.#opened.resolve(landing);
      this.#finish(landing.entry);
      return;
    }
    const { reply } = landing;
    if (this.#isOver) {
      discard(reply);
      return;
    }
    this.#opened.resolve(landing);
    if (reply.kind === 'complete') {
      this.#finish(reply.status === 200 ? this.#plan.keep(reply, reply.body.bytes) : undefined);
      return;
    }
    this.#reply = reply;
    if (reply.kind === 'bytes') this.#landed.resolve(undefined);
    try {
      reply.body.pipe(this);
    } catch (error) {
      this.fail(error);
    }
  }

  #boardedBy(signal: AbortSignal, landing: Landing): Landing {
    if ('entry' in landing || landing.reply.kind === 'complete') return landing;
    return { reply: this.#ride(landing.reply, { signal }) };
  }

  #ride(reply: StreamReply, { signal, change }: Pick<Passenger, 'signal' | 'change'>): StreamReply {
    const body = new ByteStream({
      pause: () => {
        rider.isFull = true;
      },
      resume: () => {
        rider.isFull = false;
        this.#feed(rider);
        this.#flow();
      },
      cancel: (reason) => this.#getOff(rider, reason ?? signal.reason),
    });
    const rider: Rider = { body, change, next: 0, isFull: false };
    const onAbort = () => {
      body.fail(signal.reason);
      this.#getOff(rider, signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    body.onEnd(() => signal.removeEventListener('abort', onAbort));
    this.#riders.add(rider);
    this.#feed(rider);
    return { ...reply, body, cancel: () => body.cancel() };
  }

  #feed(rider: Rider): void {
    while (!rider.isFull && rider.next < this.#firstChunk + this.#chunks.length) {
      const chunk = this.#chunks[rider.next - this.#firstChunk];
      rider.next++;
      if (!chunk) return;
      const seen = rider.change ? rider.change(chunk) : chunk;
      if (seen.length > 0) rider.body.push(seen);
    }
    if (!this.#ending || rider.next < this.#firstChunk + this.#chunks.length) return;
    this.#riders.delete(rider);
    if ('error' in this.#ending) rider.body.fail(this.#ending.error);
    else rider.body.end();
  }

  #flow(): void {
    if (this.#ending) return;
    if (!this.#isWhole) this.#forget();
    if (!this.#isPaused || this.#isStuck()) return;
    this.#isPaused = false;
    this.#reply?.body.resume();
  }

  /** While all is held, the fastest sets the pace; afterwards the slowest, or what it has not read would pile up. */
  #isStuck(): boolean {
    let full = 0;
    for (const { isFull } of this.#riders) if (isFull) full++;
    return this.#isWhole ? full === this.#aboard : full > 0;
  }

  /** Too long to be held whole: from here on only for those who ride. */
  #outgrow(): void {
    this.#isWhole = false;
    this.#landed.resolve(undefined);
    this.#close();
  }

  #forget(): void {
    let slowest = this.#firstChunk + this.#chunks.length;
    for (const { next } of this.#riders) slowest = Math.min(slowest, next);
    this.#chunks.splice(0, slowest - this.#firstChunk);
    this.#firstChunk = slowest;
  }

  #getOff(rider: Rider, reason: unknown): void {
    if (!this.#riders.delete(rider)) return;
    this.#leave(reason);
    this.#flow();
  }

  #leave(reason: unknown): void {
    this.#aboard--;
    if (this.#aboard > 0 || this.#isOver) return;
    this.#isOver = true;
    this.#close();
    this.#reply?.body.cancel(reason);
    this.#abort.abort(reason);
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#plan.closed();
  }

  #finish(entry: Entry | undefined): void {
    this.#isOver = true;
    this.#close();
    this.#landed.resolve(entry);
  }

  #fail(error: unknown): void {
    this.#isOver = true;
    this.#close();
    this.#opened.reject(error);
    this.#landed.reject(error);
  }
}
