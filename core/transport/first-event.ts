import type { EventStreamWatch } from '../wire/event-stream.ts';

/** What a beginning shows. `unusable`: what comes is no stream of this wire. */
export type Verdict = 'wait' | 'flow' | 'error' | 'unusable';

/** How many bytes of whole events (before the first with data: comments) are held. */
const HELD_BYTES = 64 * 1024;
/** How many bytes are read in search of the first event. */
const PROBED_BYTES = 1024 * 1024;

/**
 * The beginning of an event stream, held until its first event shows whether it is an error. While nothing has been
 * sent to the client, a broken connection and an error in a 200 can still be retried.
 */
export class StreamBeginning {
  readonly watch: EventStreamWatch;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #bytes = 0;

  constructor(watch: EventStreamWatch) {
    this.watch = watch;
  }

  /** Takes a chunk. Returns whether to wait for more, to let everything flow, or what is wrong with the first event. */
  push(chunk: Buffer): Verdict {
    this.#bytes += chunk.length;
    const events = this.watch.push(chunk);
    if (events) {
      this.#held.push(events);
      this.#heldBytes += events.length;
    }
    if (this.watch.first === 'failure') return 'error';
    if (this.watch.first === 'done' || this.watch.first === 'garbage') return 'unusable';
    const isLong = this.#bytes > PROBED_BYTES || this.#heldBytes > HELD_BYTES;
    return this.watch.hasEvent || isLong ? 'flow' : 'wait';
  }

  /** Returns what was held, and holds nothing afterwards. */
  release(): readonly Buffer[] {
    const held = this.#held;
    this.#held = [];
    return held;
  }
}
