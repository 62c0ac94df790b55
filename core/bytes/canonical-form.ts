/** Writes the source of a JSON body in its canonical form, which `canonicalForm` (digest.ts) describes. */
import { QUOTE, COMMA, COLON, OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT, isBlank } from './ascii.ts';
import { stringEnd } from './json.ts';

const quoted = (...keys: readonly string[]): ReadonlySet<string> => new Set(keys.map((key) => `"${key}"`));

/** Members of the body that cannot change the answer. */
const IGNORED = quoted(
  'stream',
  'stream_options',
  'user',
  'metadata',
  'client_metadata',
  'safety_identifier',
  'prompt_cache_key',
);
/** This program's own member of the body, and the members within it that cannot change the answer. */
const OWN = '"optigate"';
const OWN_IGNORED = quoted('progress');
const NONE = quoted();

/**
 * The canonical form of valid JSON. It is made from the source without parsing it. Works on the bytes as Latin-1 text,
 * because slicing and joining such text costs next to nothing.
 */
export function canonicalBytes(bytes: Buffer): Buffer {
  return Buffer.from(new Reader(bytes.toString('latin1')).read(), 'latin1');
}

class Reader {
  readonly #text: string;
  /** Does the text have escapes that JSON can also write otherwise (`\u0041` is `A`, `\/` is `/`)? */
  readonly #hasLooseEscapes: boolean;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#hasLooseEscapes = text.includes(String.raw`\u`) || text.includes(String.raw`\/`);
  }

  read(): string {
    this.#skipBlanks();
    return this.#code() === OPEN_OBJECT ? this.#readObject(IGNORED, OWN) : this.#readValue();
  }

  #readValue(): string {
    switch (this.#code()) {
      case OPEN_OBJECT:
        return this.#readObject(NONE);
      case OPEN_ARRAY:
        return this.#readArray();
      case QUOTE:
        return this.#readString();
      default:
        return this.#readLiteral();
    }
  }

  #readObject(ignored: ReadonlySet<string>, own?: string): string {
    const members: Member[] = [];
    let isSorted = true;
    let previous = '';
    this.#at++;
    this.#skipBlanks();
    while (this.#isBefore(CLOSE_OBJECT)) {
      const key = this.#readString();
      this.#skip(COLON);
      const isOwn = key === own && this.#code() === OPEN_OBJECT;
      const value = isOwn ? this.#readObject(OWN_IGNORED) : this.#readValue();
      this.#skip(COMMA);
      if (ignored.has(key) || (isOwn && value === '{}')) continue;
      members.push({ key, value });
      if (key <= previous) isSorted = false;
      previous = key;
    }
    this.#at++;
    let body = '';
    for (const { key, value } of isSorted ? members : inOrder(members))
      body += body === '' ? `${key}:${value}` : `,${key}:${value}`;
    return `{${body}}`;
  }

  #readArray(): string {
    let body = '';
    this.#at++;
    this.#skipBlanks();
    while (this.#isBefore(CLOSE_ARRAY)) {
      const element = this.#readValue();
      this.#skip(COMMA);
      body += body === '' ? element : `,${element}`;
    }
    this.#at++;
    return `[${body}]`;
  }

  #readString(): string {
    const start = this.#at;
    this.#at = stringEnd(this.#text, start);
    const written = this.#text.slice(start, this.#at);
    if (!this.#hasLooseEscapes || !/\\[u/]/.test(written)) return written;
    const value: unknown = JSON.parse(Buffer.from(written, 'latin1').toString());
    return Buffer.from(JSON.stringify(value)).toString('latin1');
  }

  #readLiteral(): string {
    const start = this.#at++;
    for (; this.#at < this.#text.length; this.#at++) {
      const code = this.#code();
      if (code === COMMA || code === CLOSE_OBJECT || code === CLOSE_ARRAY || isBlank(code)) break;
    }
    return this.#text.slice(start, this.#at);
  }

  #code(): number {
    return this.#text.charCodeAt(this.#at);
  }

  #isBefore(close: number): boolean {
    return this.#at < this.#text.length && this.#code() !== close;
  }

  /** Moves past the separator, if it is there, and past the blanks around it. */
  #skip(separator: number): void {
    this.#skipBlanks();
    if (this.#code() !== separator) return;
    this.#at++;
    this.#skipBlanks();
  }

  #skipBlanks(): void {
    while (isBlank(this.#code())) this.#at++;
  }
}

/** A member's name and value, both as JSON text. */
interface Member {
  readonly key: string;
  readonly value: string;
}

/** Sorted by key. Of equal keys only the last is kept. */
function inOrder(members: Member[]): Member[] {
  members.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return members.filter(({ key }, index) => members[index + 1]?.key !== key);
}
