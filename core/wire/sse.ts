import { StringDecoder } from 'node:string_decoder';

/** One server-sent event: its name, if it has one, and its `data` lines joined. */
export interface SseEvent {
  readonly event?: string;
  readonly data: string;
}

/**
 * Decodes server-sent events from bytes that are cut anywhere (WHATWG HTML, 9.2.6). Handles LF, CR and CRLF, several
 * `data` lines, comments and a BOM. Drops `id` and `retry`. Linear in the bytes however they are cut.
 */
export class SseDecoder {
  readonly #utf8 = new StringDecoder('utf8');
  /** The beginning of a line whose end has not come. It is never searched again: that would take quadratic time. */
  #line = '';
  #name = '';
  #data: string | undefined;
  #isStarted = false;
  /** The text so far ended in CR. If the next one begins with LF, that belongs to the same line end. */
  #skipsLineFeed = false;

  /** Returns the events that these bytes complete. */
  push(chunk: Buffer): SseEvent[] {
    return this.#read(this.#utf8.write(chunk));
  }

  /** Drops an event that has begun: without the empty line after it, it is incomplete. Returns no events. */
  end(): SseEvent[] {
    this.#line = '';
    this.#name = '';
    this.#data = undefined;
    return [];
  }

  /** No event has begun: the bytes so far were whole events and whole comments. */
  get isBetweenEvents(): boolean {
    return this.#line === '' && this.#data === undefined && this.#name === '';
  }

  #read(text: string): SseEvent[] {
    const events: SseEvent[] = [];
    let from = 0;
    if (!this.#isStarted && text.length > 0) {
      this.#isStarted = true;
      if (text.startsWith('\uFEFF')) from = 1;
    }
    if (this.#skipsLineFeed && from < text.length) {
      this.#skipsLineFeed = false;
      if (text.startsWith('\n', from)) from++;
    }
    let lineFeed = text.indexOf('\n', from);
    let carriageReturn = text.indexOf('\r', from);
    while (lineFeed >= 0 || carriageReturn >= 0) {
      const isCarriageReturn = carriageReturn >= 0 && (lineFeed < 0 || carriageReturn < lineFeed);
      const end = isCarriageReturn ? carriageReturn : lineFeed;
      const event = this.#takeLine(this.#line + text.slice(from, end));
      this.#line = '';
      if (event) events.push(event);
      from = end + 1;
      if (isCarriageReturn) {
        if (from === text.length) this.#skipsLineFeed = true;
        else if (from === lineFeed) from++;
        carriageReturn = text.indexOf('\r', from);
      }
      if (lineFeed < from && lineFeed >= 0) lineFeed = text.indexOf('\n', from);
    }
    this.#line += from === 0 ? text : text.slice(from);
    return events;
  }

  #takeLine(line: string): SseEvent | undefined {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) return undefined;
    const field = colon < 0 ? line : line.slice(0, colon);
    if (field === 'data')
      this.#data = this.#data === undefined ? valueOf(line, colon) : `${this.#data}\n${valueOf(line, colon)}`;
    else if (field === 'event') this.#name = valueOf(line, colon);
    return undefined;
  }

  #dispatch(): SseEvent | undefined {
    const data = this.#data;
    const name = this.#name;
    this.#data = undefined;
    this.#name = '';
    if (data === undefined) return undefined;
    return name === '' ? { data } : { event: name, data };
  }
}

function valueOf(line: string, colon: number): string {
  if (colon < 0) return '';
  return line.slice(line.startsWith(' ', colon + 1) ? colon + 2 : colon + 1);
}

/** A JSON value as the bytes of one event. */
export function encodeData(json: unknown): Buffer {
  return Buffer.from(`data: ${JSON.stringify(json)}\n\n`);
}

/** A text as the bytes of one event, with a `data` line for each of its lines. */
export function encodeText(data: string): Buffer {
  return Buffer.from(`data: ${data.replaceAll('\n', '\ndata: ')}\n\n`);
}

/** The event `[DONE]`, which ends a stream on OpenAI's chat and completions wires. */
export const DONE: Buffer = Buffer.from('data: [DONE]\n\n');
