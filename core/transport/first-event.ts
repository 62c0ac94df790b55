import type { EventStreamWatch } from '../wire/event-stream.ts';

/** Comments held back, and all bytes waited through. */
const HELD_BYTES = 64 * 1024;
const PROBED_BYTES = 1024 * 1024;

/**
 * The beginning of an event stream, held until its first event shows what it is: while nothing went out, a cut and an
 * error in a 200 can still be retried.
 */
export class StreamBeginning {
  readonly watch: EventStreamWatch;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #bytes = 0;

  constructor(watch: EventStreamWatch) {
    this.watch = watch;
  }

  /** Takes a chunk, and says whether to wait for more, to let all flow, or that it is an error. */
  push(chunk: Buffer): 'wait' | 'flow' | 'error' {
    this.#bytes += chunk.length;
    const events = this.watch.push(chunk);
    if (events) {
      this.#held.push(events);
      this.#heldBytes += events.length;
    }
    if (this.watch.firstEventIsError) return 'error';
    const isLong = this.#bytes > PROBED_BYTES || this.#heldBytes > HELD_BYTES;
    return this.watch.hasEvent || isLong ? 'flow' : 'wait';
  }

  /** What was held; it is empty afterwards. */
  release(): readonly Buffer[] {
    const held = this.#held;
    this.#held = [];
    return held;
  }
}
