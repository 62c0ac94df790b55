import type { Fields } from '../bytes/json.ts';
import type { Usage } from './chat/chat-types.ts';
import { eventEnds, lastBorder } from './event-border.ts';
import type { Failure } from './failure.ts';
import { readFrame, type Frame } from './frame.ts';
import { SseDecoder, type SseEvent } from './sse.ts';
import type { EventReader, Wire } from './wire.ts';

/** How a stream ended, and what is still to be sent. */
export interface StreamEnd {
  /** Held bytes that are still to be sent. Undefined except on an open wire: on others half an event is not sent. */
  readonly rest: Buffer | undefined;
  /**
   * The stream is complete: its proper end was seen, no half event was sent, and no error event came (some servers send
   * `[DONE]` after one). Always true on an open wire.
   */
  readonly isWhole: boolean;
  /** The `endMark`, to be sent because the upstream left it out although every choice had finished. */
  readonly append?: Buffer;
}

const LF = 0x0a;
/** An event is held until it is whole, up to this size. */
const MAX_HELD_BYTES = 1024 * 1024;
/**
 * An event too large to hold is searched in parts. So much of each part is searched again with the next, for a match
 * across the cut.
 */
const OVERLAP_BYTES = 4096;
const DATA_LINE = /^(?:\u00EF\u00BB\u00BF)?data(?::|$)/m;

/**
 * Watches an upstream's event stream as bytes. Cuts it between events, and notices its proper end, its usage and
 * errors. Decodes only the events in which the reader's `mark` is found. Sync, and linear in the bytes however they are
 * cut.
 */
export class EventStreamWatch {
  readonly #wire: Wire;
  readonly #reader: EventReader;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #last = LF;
  #beforeLast = 0;
  #overlap: Buffer | undefined;

  /** An event that means something has come, whole or too large to hold. Comments and `data: null` do not count. */
  hasEvent = false;
  /** What the first such event is; undefined if it was too large to hold. */
  first: Frame['kind'] | undefined;
  /** Something came behind the `endMark`. */
  hasRest = false;
  /** The first error event. */
  errorEvent: Failure | undefined;
  /**
   * Part of an event too large to hold was sent. An error event would now be read as its rest, so a failure must cut
   * the connection.
   */
  isMidEvent = false;

  /** @param init.request  What was asked; absent where it does not matter whether the stream is whole. */
  constructor({ wire, request = {} }: { readonly wire: Wire; readonly request?: Fields }) {
    this.#wire = wire;
    this.#reader = wire.readEvents(request);
  }

  get sawEndMark(): boolean {
    return this.#reader.sawEndMark;
  }

  /**
   * The stream's last event has come: the `endMark`, or on a wire without one the event that ends every stream. What
   * becomes of the connection does not matter any more. Never true on an open wire.
   */
  get isOver(): boolean {
    return this.#wire.endMark === undefined ? !this.#wire.isOpen && this.isComplete : this.sawEndMark;
  }

  /** A proper end was seen. Always true on an open wire. */
  get isComplete(): boolean {
    return this.#reader.isComplete;
  }

  /** The upstream reported a failure, by an error event or as `response.failed`. Do not store such a stream. */
  get hasFailed(): boolean {
    return this.errorEvent !== undefined || this.#reader.hasFailed;
  }

  /** The last usage seen, in chat's field names. */
  get usage(): Usage | undefined {
    return this.#reader.usage;
  }

  /** Returns the bytes up to the end of the last whole event, held ones first. Holds the rest, up to 1 MB. */
  push(chunk: Buffer): Buffer | undefined {
    if (chunk.length === 0) return undefined;
    const last = this.#last;
    const border = lastBorder(chunk, last, this.#beforeLast);
    this.#beforeLast = chunk.length > 1 ? (chunk[chunk.length - 2] ?? 0) : last;
    this.#last = chunk[chunk.length - 1] ?? 0;
    if (border === 0) return this.isMidEvent ? this.#inspectPart(chunk) : this.#hold(chunk);

    const isWhole = border === chunk.length;
    const block = this.#releaseHeld(isWhole ? chunk : chunk.subarray(0, border));
    if (this.isMidEvent) this.#inspectLastPart(block, last);
    else this.#inspect(block);
    if (isWhole) return block;
    const tooLarge = this.#hold(chunk.subarray(border));
    return tooLarge ? Buffer.concat([block, tooLarge]) : block;
  }

  /** To be called after the last byte was pushed. */
  end(): StreamEnd {
    const held = this.#heldBytes > 0 ? this.#releaseHeld(Buffer.alloc(0)) : undefined;
    if (this.#wire.isOpen) return { rest: held, isWhole: true };
    const { endMark } = this.#wire;
    // Some servers forget the empty line after `[DONE]`. A broken connection would not leave exactly this line.
    const isMarkHeld = endMark !== undefined && held !== undefined && isEndMark(held);
    const isAnswer = this.hasEvent && this.first !== 'done' && this.first !== 'garbage';
    const isWhole = isAnswer && (this.isComplete || isMarkHeld) && !this.isMidEvent && !this.errorEvent;
    const lacksMark = endMark !== undefined && isWhole && !this.sawEndMark;
    return { rest: undefined, isWhole, ...(lacksMark ? { append: endMark } : {}) };
  }

  /** Holds a chunk. Returns all that is held once it is too large to be held. */
  #hold(chunk: Buffer): Buffer | undefined {
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes <= MAX_HELD_BYTES) return undefined;
    this.isMidEvent = true;
    return this.#inspectPart(this.#releaseHeld(Buffer.alloc(0)));
  }

  /** All that was held, followed by `end`. */
  #releaseHeld(end: Buffer): Buffer {
    if (this.#held.length === 0) return end;
    const all = this.#held.length === 1 && end.length === 0 ? this.#held[0] : undefined;
    const block = all ?? Buffer.concat([...this.#held, end]);
    this.#held = [];
    this.#heldBytes = 0;
    return block;
  }

  /** Looks through whole events. */
  #inspect(block: Buffer): void {
    const reader = this.#reader;
    this.hasRest ||= reader.sawEndMark;
    if (this.hasRest) return;
    const text = block.toString('latin1');
    const { mark } = reader;
    const isBeginning = !this.hasEvent && DATA_LINE.test(text);
    if (!isBeginning && !mark.test(text)) return;
    for (const event of new SseDecoder().push(block)) {
      this.hasRest ||= reader.sawEndMark;
      if (this.hasRest) return;
      const isFirst = !this.hasEvent && this.#begins(event);
      if (!isFirst && !mark.test(linesOf(event))) continue;
      const failure = reader.read(event);
      this.errorEvent ??= failure;
      if (isFirst && failure) this.first = 'failure';
    }
  }

  /** Is it an event that means something? Called until the first one came. */
  #begins(event: SseEvent): boolean {
    const { kind } = readFrame(event);
    if (kind === 'noise') return false;
    this.hasEvent = true;
    // On an open wire events may hold anything.
    this.first = this.#wire.isOpen ? 'part' : kind;
    return true;
  }

  /** Looks through part of an event that is too large to hold, and therefore cannot be decoded. */
  #inspectPart(part: Buffer): Buffer {
    const window = this.#overlap ? Buffer.concat([this.#overlap, part]) : part;
    // A copy, because a view would keep the whole read in memory.
    this.#overlap = Buffer.from(window.subarray(Math.max(0, window.length - OVERLAP_BYTES)));
    this.hasEvent = true;
    this.#reader.readPart(window.toString('latin1'));
    return part;
  }

  /** Looks through a block that begins with the last part of an event too large to hold. */
  #inspectLastPart(block: Buffer, last: number): void {
    const end = eventEnds(block, last)[0] ?? block.length;
    this.#inspectPart(block.subarray(0, end));
    this.#overlap = undefined;
    this.isMidEvent = false;
    if (end < block.length) this.#inspect(block.subarray(end));
  }
}

/** The lines of one event, as `mark` expects them. */
function linesOf({ event, data }: SseEvent): string {
  return event === undefined ? `data: ${data}` : `event: ${event}\ndata: ${data}`;
}

function isEndMark(held: Buffer): boolean {
  return /^data: ?\[DONE\]\s*$/.test(held.toString('latin1').trimStart());
}
