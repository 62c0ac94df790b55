import { StringDecoder } from 'node:string_decoder';

/** One dispatched event: its name, if it had one, and its `data` lines joined. */
export interface SseEvent {
  readonly event?: string;
  readonly data: string;
}

/**
 * Decodes server-sent events from bytes that are cut anywhere (WHATWG HTML, 9.2.6): LF, CR and CRLF, many `data` lines,
 * comments, a BOM. `id` and `retry` are dropped. Linear in the bytes, whatever the cuts.
 */
export class SseDecoder {
  readonly #utf8 = new StringDecoder('utf8');
  /** The beginning of a line whose end has not come. It only grows by concatenation: searching it each time would be quadratic. */
  #line = '';
  #name = '';
  #data: string | undefined;
  #isStarted = false;
  /** The last line ended in CR: an LF that follows belongs to it. */
  #skipsLineFeed = false;

  /** The events that became whole. */
  push(chunk: Buffer): SseEvent[] {
    return this.#read(this.#utf8.write(chunk));
  }

  /** The end of the input closes nothing: an event without its empty line is incomplete and dropped. */
  end(): SseEvent[] {
    this.#line = '';
    this.#name = '';
    this.#data = undefined;
    return [];
  }

  /** Nothing is begun: the bytes so far were whole events and whole comments. */
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

/** A value as the bytes of one event. */
export function encodeData(json: unknown): Buffer {
  return Buffer.from(`data: ${JSON.stringify(json)}\n\n`);
}

/** An event's data as its bytes. */
export function encodeText(data: string): Buffer {
  return Buffer.from(`data: ${data.replaceAll('\n', '\ndata: ')}\n\n`);
}

/** What ends a stream on OpenAI's chat and completions wires. */
export const DONE: Buffer = Buffer.from('data: [DONE]\n\n');
