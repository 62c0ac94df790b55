/** Joins the deltas of a stream. Used by the assemblers of chat and of text completions. */
import { isRecord, type Fields } from '../../bytes/json.ts';
import { tellsFailure } from '../failure.ts';
import { readFrame } from '../frame.ts';
import { SseDecoder } from '../sse.ts';

/** An object that is being assembled from parts. A map, so that `__proto__` is data like any other key. */
export type Parts = Map<string, unknown>;

/** The last value wins; `null` never overwrites a value. */
export function keepLast(parts: Parts, key: string, value: unknown): void {
  if (value === undefined || (value === null && parts.has(key))) return;
  parts.set(key, value);
}

/** The first value wins, unless it is empty. For fields that cannot change, but that some upstreams repeat empty. */
export function keepFirst(parts: Parts, key: string, value: unknown): void {
  const before = parts.get(key);
  if (before === undefined || before === null || before === '') keepLast(parts, key, value);
}

/** Strings and arrays are fragments and are joined; of other values the last one wins. */
export function join(parts: Parts, key: string, value: unknown): void {
  const before = parts.get(key);
  if (typeof before === 'string' && typeof value === 'string') parts.set(key, before + value);
  else if (!Array.isArray(value)) keepLast(parts, key, value);
  else if (!Array.isArray(before)) parts.set(key, [...value]);
  else for (const item of value) before.push(item);
}

/**
 * Joins the content of a message, which may be text in some chunks and parts in others: it then becomes parts. Text that
 * continues a text part becomes part of it.
 */
export function joinContent(parts: Parts, key: string, value: unknown): void {
  const before = parts.get(key);
  const isMixed = Array.isArray(before) || Array.isArray(value);
  if (!isMixed || value === '' || value === null || value === undefined) return join(parts, key, value);
  // Added to in place: a stream may have as many parts as chunks.
  const list: unknown[] = Array.isArray(before) ? before : asParts(before);
  parts.set(key, list);
  for (const part of Array.isArray(value) ? (value as unknown[]) : asParts(value)) {
    const last = list.at(-1);
    if (isPlainText(last) && isPlainText(part)) list[list.length - 1] = { ...last, text: last.text + part.text };
    else list.push(part);
  }
}

function asParts(content: unknown): unknown[] {
  return typeof content === 'string' && content !== '' ? [{ type: 'text', text: content }] : [];
}

function isPlainText(part: unknown): part is { readonly type: 'text'; readonly text: string } {
  return (
    isRecord(part) && part['type'] === 'text' && typeof part['text'] === 'string' && Object.keys(part).length === 2
  );
}

/** The parts of the object under `key`, created if there are none. */
export function partsOf(parts: Parts, key: string): Parts {
  const before = parts.get(key);
  if (before instanceof Map) return before as Parts;
  const inner: Parts = new Map();
  parts.set(key, inner);
  return inner;
}

/** Joins the `logprobs` of chat or text completions. Their arrays go on from chunk to chunk. */
export function joinLogprobs(parts: Parts, logprobs: unknown): void {
  if (!isRecord(logprobs)) return keepLast(parts, 'logprobs', logprobs);
  const inner = partsOf(parts, 'logprobs');
  for (const [key, value] of Object.entries(logprobs)) join(inner, key, value);
}

/** The assembled object, inner ones included. */
export function toObject(parts: Parts): Record<string, unknown> {
  const entries = [...parts].map(([key, value]): [string, unknown] => [
    key,
    value instanceof Map ? toObject(value as Parts) : value,
  ]);
  return Object.fromEntries(entries);
}

/** A completion of chat or text. Its other fields are as the upstream sent them. */
export interface Whole<C> {
  readonly id: string;
  readonly object: string;
  readonly created: number;
  readonly model: string;
  readonly choices: readonly C[];
  readonly [key: string]: unknown;
}

/** What both assemblers share: decodes the bytes, keeps the fields beside `choices`, and notices failures. */
export class ChunkHead {
  readonly #fields: Parts = new Map();
  readonly #decoder = new SseDecoder();
  #hasFailed = false;

  /** An error event came, or one that is not JSON. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** The chunks that these bytes of the event stream complete. Bytes may be cut anywhere. */
  decode(bytes: Buffer): Fields[] {
    return this.#decoder.push(bytes).flatMap((event) => {
      const frame = readFrame(event);
      if (frame.kind === 'failure' || frame.kind === 'garbage') this.#hasFailed = true;
      return 'value' in frame && frame.value ? [frame.value] : [];
    });
  }

  /** Keeps a chunk's fields, except its choices. */
  add(chunk: Fields): void {
    if (tellsFailure(chunk)) this.#hasFailed = true;
    for (const [key, value] of Object.entries(chunk)) {
      if (key === 'id' || key === 'created' || key === 'model') {
        // Azure's first chunk has only filter results; these fields are empty in it.
        if (value) keepFirst(this.#fields, key, value);
      } else if (key !== 'object' && key !== 'choices' && key !== 'obfuscation') keepLast(this.#fields, key, value);
    }
  }

  toCompletion<C>(object: string, choices: readonly C[]): Whole<C> {
    const { id, created, model, ...rest } = toObject(this.#fields);
    return {
      id: typeof id === 'string' ? id : '',
      object,
      created: typeof created === 'number' ? created : 0,
      model: typeof model === 'string' ? model : '',
      choices,
      ...rest,
    };
  }
}

/** Cuts text into pieces of so many UTF-16 units. A piece has one more if a surrogate pair would be split. */
export function* pieces(text: string, units: number): Generator<string> {
  for (let from = 0; from < text.length;) {
    let to = from + Math.max(1, units);
    if (to < text.length && isHigh(text.charCodeAt(to - 1)) && isLow(text.charCodeAt(to))) to++;
    yield text.slice(from, to);
    from = to;
  }
}

const isHigh = (unit: number) => unit >= 0xd800 && unit <= 0xdbff;
const isLow = (unit: number) => unit >= 0xdc00 && unit <= 0xdfff;
