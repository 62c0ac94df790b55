/**
 * JSON as bytes. One pass finds the top-level members of an object without parsing it. With them, a changed body keeps
 * the digits of all members that nobody changed (64-bit seeds, `1.0`), and its depth and duplicate keys are known
 * before `JSON.parse`. Bytes are scanned as Latin-1 text: each byte is one character, and a slice costs next to
 * nothing.
 */
import {
  QUOTE,
  BACKSLASH,
  OPEN_OBJECT,
  CLOSE_OBJECT,
  OPEN_ARRAY,
  CLOSE_ARRAY,
  COMMA,
  COLON,
  isBlank,
} from './ascii.ts';

/** A JSON object that may have any members. */
export type Fields = Readonly<Record<string, unknown>>;

/** Byte offsets of one member: the key's opening quote, the value's first byte, and one past the value. */
export interface Span {
  readonly key: string;
  readonly keyStart: number;
  readonly start: number;
  readonly end: number;
}

/** The outline of a JSON object: where its top-level members are. */
export interface ObjectScan {
  /** In the order of the source, repeated keys included. */
  readonly members: readonly Span[];
  /** How many brackets are open at the deepest place, the object's own included. */
  readonly depth: number;
}

/** Reads an object's outline. Never throws; if the bytes are not valid JSON, the outline means nothing. */
export function scanObject(bytes: Buffer): ObjectScan {
  const text = bytes.toString('latin1');
  const members: Span[] = [];
  let depth = 0;
  let deepest = 0;
  let keyStart = -1;
  let key: string | undefined;
  let start = -1;
  const close = (end: number) => {
    if (key !== undefined && start >= 0) members.push({ key, keyStart, start, end: trimEnd(text, start, end) });
    key = undefined;
    start = -1;
  };
  for (let i = 0; i < text.length; i++) {
    const byte = text.charCodeAt(i);
    if (byte === QUOTE) {
      const end = stringEnd(text, i);
      if (depth === 1) {
        if (key === undefined) {
          keyStart = i;
          key = decodeKey(bytes, i, end);
        } else if (start < 0) start = i;
      }
      i = end - 1;
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      if (depth === 1 && start < 0 && key !== undefined) start = i;
      if (++depth > deepest) deepest = depth;
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      if (depth === 1) close(i);
      depth--;
    } else if (depth === 1) {
      if (byte === COMMA) close(i);
      else if (start < 0 && key !== undefined && byte !== COLON && !isBlank(byte)) start = i;
    }
  }
  return { members, depth: deepest };
}

/** Are more than `limit` brackets open at some place? One pass over the bytes, which need not be valid JSON. */
export function isDeeperThan(bytes: Buffer, limit: number): boolean {
  const text = bytes.toString('latin1');
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const byte = text.charCodeAt(i);
    if (byte === QUOTE) i = stringEnd(text, i) - 1;
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      if (++depth > limit) return true;
    } else if ((byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) && depth > 0) depth--;
  }
  return false;
}

/** Where an array's elements are, as offsets in `bytes`. The array begins at `from` and ends before `to`. */
export function scanArray(bytes: Buffer, from: number, to: number): { start: number; end: number }[] {
  const text = bytes.toString('latin1', 0, to);
  const spans: { start: number; end: number }[] = [];
  let depth = 0;
  let start = -1;
  for (let i = from; i < to; i++) {
    const byte = text.charCodeAt(i);
    if (depth === 1 && start < 0 && byte !== CLOSE_ARRAY && byte !== COMMA && !isBlank(byte)) start = i;
    if (byte === QUOTE) i = stringEnd(text, i) - 1;
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth++;
    else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      if (depth === 1 && start >= 0) spans.push({ start, end: trimEnd(text, start, i) });
      depth--;
    } else if (depth === 1 && byte === COMMA) {
      spans.push({ start, end: trimEnd(text, start, i) });
      start = -1;
    }
  }
  return spans;
}

/**
 * The object's bytes with some top-level members replaced, added, or removed (`undefined`). The others keep their
 * bytes. If a replaced key occurs several times, only its last member is kept, because parsers read that one.
 * @param serialize  Turns a new value into JSON. Gets the span of the member it replaces, undefined if it is new.
 */
export function spliceObject(
  bytes: Buffer,
  scan: ObjectScan,
  changes: ReadonlyMap<string, unknown>,
  serialize: (value: unknown, old: Span | undefined) => string | Buffer,
): Buffer {
  const replaced = new Map<string, Span>();
  for (const member of scan.members) if (changes.has(member.key)) replaced.set(member.key, member);
  const pieces: (string | Buffer)[] = [];
  const add = (...piece: (string | Buffer)[]) => pieces.push(pieces.length === 0 ? '{' : ',', ...piece);
  for (const member of scan.members) {
    if (!changes.has(member.key)) {
      add(bytes.subarray(member.keyStart, member.end));
      continue;
    }
    const value = changes.get(member.key);
    // Of equal keys only the last is kept.
    if (value === undefined || replaced.get(member.key) !== member) continue;
    add(bytes.subarray(member.keyStart, member.start), serialize(value, member));
  }
  for (const [key, value] of changes) {
    if (value !== undefined && !replaced.has(key)) add(JSON.stringify(key), ':', serialize(value, undefined));
  }
  pieces.push(pieces.length === 0 ? '{}' : '}');
  return Buffer.concat(pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece)));
}

/**
 * A key that some object, at any depth, holds twice; undefined if none does. Parsers differ in which of the two values
 * they take, so that a check of one says nothing about the other.
 */
export function repeatedKey(bytes: Buffer): string | undefined {
  const text = bytes.toString('latin1');
  /** The keys of each open object, once it has one. */
  const open: (Set<string> | undefined)[] = [];
  for (let i = 0; i < text.length; i++) {
    const byte = text.charCodeAt(i);
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) open.push(undefined);
    else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) open.pop();
    else if (byte === QUOTE) {
      const end = stringEnd(text, i);
      let next = end;
      while (next < text.length && isBlank(text.charCodeAt(next))) next++;
      if (text.charCodeAt(next) === COLON) {
        const key = decodeKey(bytes, i, end);
        const keys = open.at(-1);
        if (keys?.has(key)) return key;
        if (keys) keys.add(key);
        else if (open.length > 0) open[open.length - 1] = new Set([key]);
      }
      i = end - 1;
    }
  }
  return undefined;
}

/** Is it an object, and neither an array nor null? */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value of a JSON text; undefined if it is not valid JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The index after the closing quote of the JSON string that opens at `open`; the text's length if it is not closed. */
export function stringEnd(text: string, open: number): number {
  // Most strings are short keys and values, where a plain loop is faster than the native search.
  const near = Math.min(open + 48, text.length);
  let i = open + 1;
  for (; i < near; i++) {
    const code = text.charCodeAt(i);
    if (code === BACKSLASH) i++;
    else if (code === QUOTE) return i + 1;
  }
  for (;;) {
    const quote = text.indexOf('"', i);
    if (quote < 0) return text.length;
    let slash = quote;
    while (slash > i && text.charCodeAt(slash - 1) === BACKSLASH) slash--;
    if ((quote - slash) % 2 === 0) return quote + 1;
    i = quote + 1;
  }
}

/** The index after the brace that closes the object opening at `open`; undefined if it is not closed. Skips strings. */
export function objectEnd(text: string, open: number): number | undefined {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) i = stringEnd(text, i) - 1;
    else if (code === OPEN_OBJECT) depth++;
    else if (code === CLOSE_OBJECT && --depth === 0) return i + 1;
  }
  return undefined;
}

function decodeKey(bytes: Buffer, start: number, end: number): string {
  const raw = bytes.toString('utf8', start + 1, end - 1);
  if (!raw.includes('\\')) return raw;
  try {
    return String(JSON.parse(`"${raw}"`));
  } catch {
    return raw;
  }
}

function trimEnd(text: string, start: number, end: number): number {
  let last = end;
  while (last > start && isBlank(text.charCodeAt(last - 1))) last--;
  return last;
}
