/**
 * Single-flight within one process: equal requests at the same time share one call. The shared call is a flight. The
 * first request leads it, later ones join it as passengers. A passenger that can use the reply's form rides: it gets
 * what has come so far, then the rest live. Any other waits until the flight has landed: until the answer is whole.
 * When the last one has left, the call is aborted.
 */
import { ByteStream, discard, type Reply, type Sink, type StreamReply } from '../../../core/index.ts';
import { headersToKeep, type Entry } from './entry.ts';
import { unlessAborted } from './unless-aborted.ts';

/** What a flight brings: a stored answer that was found (in a slower store), or the reply of a call. */
export type Landing = { readonly entry: Entry } | { readonly reply: Reply };

/** What a flight does, and whom it reports to. */
export interface FlightPlan {
  /** Finds or fetches the answer. `signal` aborts when nobody waits for it any more. */
  fetch(signal: AbortSignal): Promise<Landing>;
  /** Stores a whole, successful answer and returns its entry; undefined = it makes none. Called once at most. */
  keep(reply: Reply, body: Buffer): Entry | undefined;
  /** Called once, when nobody can join any more. */
  closed(): void;
  /** The size up to which a stream is held for later passengers. If it grows larger, nobody can join any more. */
  readonly maxBytes: number;
}

/** A request that joins a flight. */
export interface Passenger {
  readonly signal: AbortSignal;
  /** Does it want a stream, rather than a whole answer? */
  readonly wantsStream: boolean;
  /** May it get the reply while it comes? Otherwise it waits for the end. */
  readonly isLive: boolean;
  /** It cannot use a body that comes in pieces (a reply of kind `bytes`). */
  readonly wantsWhole: boolean;
  /** Changes what this passenger gets of a stream. Each chunk holds whole events. */
  change?(chunk: Buffer): Buffer;
}

/** A passenger (or the leader) that gets the reply's body live. */
interface Rider {
  readonly body: ByteStream;
  readonly change: ((chunk: Buffer) => Buffer) | undefined;
  /** Number of the next chunk it gets. */
  next: number;
  /** It reads too slowly to take more at once. */
  isFull: boolean;
}

/** One call, shared by the requests that lead and join it. As a `Sink` it reads the body of the call's reply. */
export class Flight implements Sink {
  readonly #plan: FlightPlan;
  readonly #abort = new AbortController();
  /** Settles when the reply has begun, or the call has failed. */
  readonly #opened = Promise.withResolvers<Landing>();
  /** Settles when the reply is whole; with undefined if it cannot be shared as an entry. */
  readonly #landed = Promise.withResolvers<Entry | undefined>();
  readonly #riders = new Set<Rider>();
  /** How many requests wait or ride, the leader included. */
  #aboard = 0;
  /** The call has ended, or was aborted. */
  #isOver = false;
  #isClosed = false;
  #reply: StreamReply | undefined;
  /** The chunks that are held: those from number `#firstChunk` on. */
  #chunks: Buffer[] = [];
  #firstChunk = 0;
  /** Size of all chunks so far, in bytes. */
  #bytes = 0;
  /** Are all chunks still held? */
  #isWhole = true;
  #isPaused = false;
  /** How the reply's body ended; undefined while it flows. */
  #ending: { readonly error?: unknown } | undefined;

  constructor(plan: FlightPlan) {
    this.#plan = plan;
    this.#opened.promise.catch(() => undefined);
    this.#landed.promise.catch(() => undefined);
  }

  /** Starts the flight; called once. The leader gets the reply with all its headers. */
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

  /**
   * Joins the flight. Undefined = the passenger cannot use what it brings. Rejects if the call fails, or the passenger
   * aborts.
   */
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

  /** What the leader gets. */
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

  /** Passes on to a rider what it has not got yet, as far as it takes more, and the end. */
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

  /** Lets the reply's body continue if riders can take more. */
  #flow(): void {
    if (this.#ending) return;
    if (!this.#isWhole) this.#forget();
    if (!this.#isPaused || this.#isStuck()) return;
    this.#isPaused = false;
    this.#reply?.body.resume();
  }

  /**
   * Must the reply's body pause? While all chunks are held, only if everybody rides and nobody can take more: the
   * fastest sets the pace. Afterwards if anybody cannot: what the slowest has not read would pile up.
   */
  #isStuck(): boolean {
    let full = 0;
    for (const { isFull } of this.#riders) if (isFull) full++;
    return this.#isWhole ? full === this.#aboard : full > 0;
  }

  /** The reply is too large to be held whole: it continues for the present riders only. */
  #outgrow(): void {
    this.#isWhole = false;
    this.#landed.resolve(undefined);
    this.#close();
  }

  /** Drops the chunks that all riders have got. */
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

  /** One request waits or rides no longer. After the last one the call is aborted. */
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
