/**
 * Keys in what an upstream sends: in errors, in headers, in error events. They are struck out here and nowhere else, in
 * every spelling that servers are known to use, before anything is passed on, logged or made into an error of ours.
 */
import type { HeaderList } from '../bytes/header-list.ts';
import type { Failure } from '../wire/failure.ts';

const REDACTED = '[redacted]';
/** A shorter key is a placeholder, for a server that asks for none. */
const SHORTEST_SECRET = 8;
/** A shorter key is not looked for in its masked form: too little of it would be left to tell it from other words. */
const SHORTEST_MASKED = 16;
/** Of a longer key, so much is looked for. What follows it in the same word is struck out as well. */
const LONGEST_PATTERN = 256;
/** Half of a key, or so much of it, is struck out without the rest, too: a message may be cut in the middle of a key. */
const LONGEST_TELLING = 24;
/** So much of a key's beginning stands in every spelling that is looked for, unless it is escaped. */
const PREFIX = 3;

/** The keys that one call must not show: that of the server, and the one that was sent. */
export class Secrets {
  readonly #keys: readonly string[];
  /** The beginnings of the keys that are no placeholders. */
  readonly #prefixes: readonly string[];
  #patterns: readonly RegExp[] | undefined;

  constructor(keys: readonly (string | undefined)[]) {
    this.#keys = [...new Set(keys.filter((key) => key !== undefined && key !== ''))] as string[];
    this.#prefixes = this.#keys.filter(isSecret).map((key) => key.slice(0, PREFIX));
  }

  /** The text with every key replaced by `[redacted]`. */
  inText(text: string): string {
    if (!this.#mayHold(text)) return text;
    this.#patterns ??= this.#keys.map(patternOf);
    return this.#patterns.reduce((left, pattern) => left.replaceAll(pattern, REDACTED), text);
  }

  /** The same for bytes. Returns them as they are if they hold no key. */
  inBytes(bytes: Buffer): Buffer {
    const text = bytes.toString('latin1');
    const struck = this.inText(text);
    return struck === text ? bytes : Buffer.from(struck, 'latin1');
  }

  /** The same for what an error says. */
  inFailure(failure: Failure): Failure {
    const { message, type, code } = failure;
    return {
      ...failure,
      message: this.inText(message),
      type: type === undefined ? type : this.inText(type),
      code: typeof code === 'string' ? this.inText(code) : code,
    };
  }

  /** The same for the values of an error's headers. */
  inHeaders(headers: HeaderList): HeaderList {
    return this.#keys.length === 0 ? headers : this.#replaced(headers);
  }

  /** The same for the headers of any answer. A placeholder is left there: it may be a word like any other. */
  inAnswerHeaders(headers: HeaderList): HeaderList {
    for (let i = 1; i < headers.length; i += 2) {
      const value = headers[i] ?? '';
      // The shortest masked form: three letters, two signs and four letters.
      if (value.length > 8 && this.#prefixes.some((prefix) => value.includes(prefix)))
        return new Secrets(this.#keys.filter(isSecret)).#replaced(headers);
    }
    return headers;
  }

  #replaced(headers: HeaderList): HeaderList {
    return headers.map((text, index) => (index % 2 === 0 ? text : this.inText(text)));
  }

  #mayHold(text: string): boolean {
    if (this.#keys.length === 0) return false;
    // Any letter of a key may be escaped. What else is looked for begins with a prefix, or is a placeholder.
    if (this.#prefixes.length < this.#keys.length || text.includes('\\') || text.includes('%')) return true;
    return this.#prefixes.some((prefix) => text.includes(prefix));
  }
}

function isSecret(key: string): boolean {
  return key.length >= SHORTEST_SECRET;
}

/** Finds a key as it is, cut, with letters escaped as in JSON or in a URL, and masked (`sk-proj-****abcd`). */
function patternOf(key: string): RegExp {
  if (!isSecret(key)) {
    // Only as a word of its own: the `x` in `max_tokens` must stay, since clients and this program read which parameter
    // was refused. In an escape such as \n, the letter does not belong to the word after it.
    return new RegExp(String.raw`(?<!(?<!\\)\w)${escaped(key)}(?!\w)`, 'g');
  }
  const letters = Array.from(key.slice(0, LONGEST_PATTERN), spellingsOf);
  if (key.length < SHORTEST_MASKED) return new RegExp(letters.join(''), 'g');
  const rest = key.length > LONGEST_PATTERN ? String.raw`[^\s"'\\]*` : '';
  const telling = Math.min(Math.ceil(key.length / 2), LONGEST_TELLING);
  const whole = letters.slice(0, telling).join('') + optionally(letters.slice(telling), 'after') + rest;
  const tail = Array.from(key.slice(-8), spellingsOf);
  const end = `${optionally(tail.slice(0, 4).toReversed(), 'before')}${tail.slice(4).join('')}`;
  const beginning = (from: number) => letters.slice(0, from).join('') + optionally(letters.slice(from, 12), 'after');
  return new RegExp(`${whole}|${beginning(PREFIX)}${MASK}${end}|${beginning(8)}${MASK}`, 'g');
}

/** The signs that stand for the middle of a key, as characters, as the bytes of UTF-8, and escaped. */
const MASK = String.raw`(?:(?:[*.#\u2022]|\xe2\x80\xa2|\\{1,8}u2022){2,200}|\u2026|\xe2\x80\xa6|\\{1,8}u2026)`;

/** A letter as it is, as JSON may escape it, also within another JSON text, and as a URL may. */
function spellingsOf(letter: string): string {
  const code = letter.charCodeAt(0);
  const hex = Array.from(code.toString(16).padStart(2, '0'), (digit) =>
    /[a-f]/.test(digit) ? `[${digit}${digit.toUpperCase()}]` : digit,
  ).join('');
  const slashed = /["\\/]/.test(letter) ? String.raw`\\{0,8}` : '';
  return String.raw`(?:${slashed}${escaped(letter)}|\\{1,8}u00${hex}|%${hex})`;
}

/** Any number of letters, the first ones (`after`) or the last ones (`before`) of them. */
function optionally(letters: readonly string[], side: 'before' | 'after'): string {
  return letters.reduceRight((inner, letter) => `(?:${side === 'after' ? letter + inner : inner + letter})?`, '');
}

function escaped(text: string): string {
  return text.replaceAll(/\W/g, String.raw`\$&`);
}
