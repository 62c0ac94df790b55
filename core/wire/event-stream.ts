import { eventEnds, lastBorder } from './event-border.ts';
import type { Usage } from './chat/chat-types.ts';
import type { Failure } from './failure.ts';
import { SseDecoder } from './sse.ts';
import type { EventReader, Wire } from './wire.ts';

/** How a stream looked at its end. */
export interface StreamEnd {
  /** Held bytes that may still go out. Half an event does not. */
  readonly rest: Buffer | undefined;
  /** A proper end was seen, no half event went out, and no error event, after which some servers still say `[DONE]`. */
  readonly isWhole: boolean;
  /** The `endMark` that the upstream left out after the last choice had finished. */
  readonly append?: Buffer;
}

const LF = 0x0a;
const MAX_HELD_BYTES = 1024 * 1024;
/** So much of an event that is too large to hold is seen twice, or a cut would hide what is searched for. */
const OVERLAP_BYTES = 4096;
const DATA_LINE = /^(?:\u00EF\u00BB\u00BF)?data(?::|$)/m;

/**
 * Watches an upstream's event stream as bytes: cuts it at event borders, and notices its proper end, its usage and an
 * error in it, decoding only the events that speak of those. Sync, linear in the bytes, whatever the cuts.
 */
export class EventStreamWatch {
  readonly #wire: Wire;
  readonly #reader: EventReader;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #last = LF;
  #beforeLast = 0;
  #overlap: Buffer | undefined;

  /** A first event that is more than a comment is whole. */
  hasEvent = false;
  firstEventIsError = false;
  errorEvent: Failure | undefined;
  /** Part of an event too large to hold went out: a failure now must tear the connection, as no event could be read. */
  isMidEvent = false;

  /** @param init.n  How many choices must finish; for completions, of all prompts together. */
  constructor({ wire, n }: { readonly wire: Wire; readonly n?: number | undefined }) {
    this.#wire = wire;
    this.#reader = wire.readEvents(Math.max(1, n ?? 1));
  }

  get sawEndMark(): boolean {
    return this.#reader.sawEndMark;
  }

  /** A proper end was seen. Always true on a wire that has none. */
  get isComplete(): boolean {
    return this.#reader.isComplete;
  }

  /** The upstream itself said that it failed: by an error event, or as `response.failed`. Such a stream is not to be stored. */
  get hasFailed(): boolean {
    return this.errorEvent !== undefined || this.#reader.hasFailed;
  }

  /** The last one seen, in chat's words. */
  get usage(): Usage | undefined {
    return this.#reader.usage;
  }

  /** The bytes up to the last event border, the held ones first; what follows is held, up to 1 MB. */
  push(chunk: Buffer): Buffer | undefined {
    if (chunk.length === 0) return undefined;
    const last = this.#last;
    const border = lastBorder(chunk, last, this.#beforeLast);
    this.#beforeLast = chunk.length > 1 ? (chunk[chunk.length - 2] ?? 0) : last;
    this.#last = chunk[chunk.length - 1] ?? 0;
    if (border === 0) return this.isMidEvent ? this.#inspectPart(chunk) : this.#hold(chunk);

    const isAll = border === chunk.length;
    const block = this.#released(isAll ? chunk : chunk.subarray(0, border));
    if (this.isMidEvent) this.#inspectLastPart(block, last);
    else this.#inspect(block);
    if (isAll) return block;
    const large = this.#hold(chunk.subarray(border));
    return large ? Buffer.concat([block, large]) : block;
  }

  /** Says how the stream ended, once its last byte was pushed. */
  end(): StreamEnd {
    const held = this.#heldBytes > 0 ? this.#released(Buffer.alloc(0)) : undefined;
    if (this.#wire.isOpen) return { rest: held, isWhole: true };
    const { endMark } = this.#wire;
    // A server that forgot the last empty line meant it: no cut elsewhere leaves just this.
    const isMarkHeld = endMark !== undefined && held !== undefined && isEndMark(held);
    const isWhole = (this.isComplete || isMarkHeld) && !this.isMidEvent && !this.errorEvent;
    const lacksMark = endMark !== undefined && isWhole && !this.sawEndMark;
    return { rest: undefined, isWhole, ...(lacksMark ? { append: endMark } : {}) };
  }

  #hold(chunk: Buffer): Buffer | undefined {
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes <= MAX_HELD_BYTES) return undefined;
    this.isMidEvent = true;
    return this.#inspectPart(this.#released(Buffer.alloc(0)));
  }

  #released(end: Buffer): Buffer {
    if (this.#held.length === 0) return end;
    const all = this.#held.length === 1 && end.length === 0 ? this.#held[0] : undefined;
    const block = all ?? Buffer.concat([...this.#held, end]);
    this.#held = [];
    this.#heldBytes = 0;
    return block;
  }

  #inspect(block: Buffer): void {
    const reader = this.#reader;
    if (reader.sawEndMark) return;
    const text = block.toString('latin1');
    const isFirst = !this.hasEvent && DATA_LINE.test(text);
    if (isFirst) this.hasEvent = true;
    const { mark } = reader;
    if (!mark.test(text)) return;
    for (const [index, event] of new SseDecoder().push(block).entries()) {
      if (reader.sawEndMark) return;
      if (!mark.test(event.data) && event.event !== 'error' && !event.data.startsWith('[DONE]')) continue;
      this.errorEvent ??= reader.read(event);
      if (isFirst && index === 0) this.firstEventIsError = this.errorEvent !== undefined;
    }
  }

  /** Part of an event that is too large to hold, and so to decode. */
  #inspectPart(part: Buffer): Buffer {
    const window = this.#overlap ? Buffer.concat([this.#overlap, part]) : part;
    // A copy, so that the read itself is freed.
    this.#overlap = Buffer.from(window.subarray(Math.max(0, window.length - OVERLAP_BYTES)));
    this.hasEvent = true;
    this.#reader.readPart(window.toString('latin1'));
    return part;
  }

  #inspectLastPart(block: Buffer, last: number): void {
    const end = eventEnds(block, last)[0] ?? block.length;
    this.#inspectPart(block.subarray(0, end));
    this.#overlap = undefined;
    this.isMidEvent = false;
    if (end < block.length) this.#inspect(block.subarray(end));
  }
}

function isEndMark(held: Buffer): boolean {
  return /^data: ?\[DONE\]\s*$/.test(held.toString('latin1').trimStart());
}
