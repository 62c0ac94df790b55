import { isRecord, type Fields } from '../../bytes/json.ts';
import { tellsFailure } from '../failure.ts';
import { readFrame } from '../frame.ts';
import { SseDecoder } from '../sse.ts';

/** What is being assembled from parts. A map, so that `__proto__` is data like any other key. */
export type Parts = Map<string, unknown>;

/** Of a field that is said again, the last saying counts; null says nothing once there was something. */
export function keepLast(parts: Parts, key: string, value: unknown): void {
  if (value === undefined || (value === null && parts.has(key))) return;
  parts.set(key, value);
}

/** Of a field that may not change, the first saying counts; upstreams repeat it empty. */
export function keepFirst(parts: Parts, key: string, value: unknown): void {
  const before = parts.get(key);
  if (before === undefined || before === null || before === '') keepLast(parts, key, value);
}

/** Strings and arrays are fragments and are joined; of anything else the last saying counts. */
export function join(parts: Parts, key: string, value: unknown): void {
  const before = parts.get(key);
  if (typeof before === 'string' && typeof value === 'string') parts.set(key, before + value);
  else if (!Array.isArray(value)) keepLast(parts, key, value);
  else if (!Array.isArray(before)) parts.set(key, [...value]);
  else for (const item of value) before.push(item);
}

/** The parts of an object within, made when it is first needed. */
export function partsOf(parts: Parts, key: string): Parts {
  const before = parts.get(key);
  if (before instanceof Map) return before as Parts;
  const inner: Parts = new Map();
  parts.set(key, inner);
  return inner;
}

/** `logprobs` of either wire: its arrays run on from chunk to chunk. */
export function joinLogprobs(parts: Parts, logprobs: unknown): void {
  if (!isRecord(logprobs)) return keepLast(parts, 'logprobs', logprobs);
  const inner = partsOf(parts, 'logprobs');
  for (const [key, value] of Object.entries(logprobs)) join(inner, key, value);
}

export function toObject(parts: Parts): Record<string, unknown> {
  const entries = [...parts].map(([key, value]): [string, unknown] => [
    key,
    value instanceof Map ? toObject(value as Parts) : value,
  ]);
  return Object.fromEntries(entries);
}

/** A completion of either wire; its open fields are what the upstream made them. */
export interface Whole<C> {
  readonly id: string;
  readonly object: string;
  readonly created: number;
  readonly model: string;
  readonly choices: readonly C[];
  readonly [key: string]: unknown;
}

/** What both assemblers share: the fields beside the choices, the bytes, the failure. */
export class ChunkHead {
  readonly #fields: Parts = new Map();
  readonly #decoder = new SseDecoder();
  #hasFailed = false;

  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** The chunks in some bytes of an event stream, wherever they are cut. */
  decode(bytes: Buffer): Fields[] {
    return this.#decoder.push(bytes).flatMap((event) => {
      const frame = readFrame(event);
      if (frame.kind === 'failure' || frame.kind === 'garbage') this.#hasFailed = true;
      return 'value' in frame && frame.value ? [frame.value] : [];
    });
  }

  add(chunk: Fields): void {
    if (tellsFailure(chunk)) this.#hasFailed = true;
    for (const [key, value] of Object.entries(chunk)) {
      if (key === 'id' || key === 'created' || key === 'model') {
        // Azure's first chunk, which only carries filter results, has them empty.
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

/** Cuts text into pieces of so many UTF-16 units, or one more where a surrogate pair would be split. */
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
