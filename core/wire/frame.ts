/** One event of an answer, read tolerantly: the one place that says what an upstream's event is. */
import { isRecord, parseJson, type Fields } from '../bytes/json.ts';
import { failureOf, tellsFailure, type Failure } from './failure.ts';
import { SseDecoder, type SseEvent } from './sse.ts';

export type Frame =
  /** A part of the answer. */
  | { readonly kind: 'part'; readonly value: Fields }
  /** OpenAI's `[DONE]`. */
  | { readonly kind: 'done' }
  /** JSON that is no object (`null`, a number): it says nothing. */
  | { readonly kind: 'noise' }
  /** No JSON at all: passed on where bytes are, a failure where an answer is made of them. */
  | { readonly kind: 'garbage' }
  /** An error. `value` is the object that told it, which may hold a part, too. */
  | { readonly kind: 'failure'; readonly failure: Failure; readonly value?: Fields };

export function readFrame({ event, data }: SseEvent): Frame {
  if (data.startsWith('[DONE]')) return DONE_FRAME;
  const value = parseJson(data);
  const isObject = isRecord(value);
  if (event === 'error' || (isObject && tellsFailure(value)))
    return { kind: 'failure', failure: failureOf(value, data), ...(isObject ? { value } : {}) };
  if (isObject) return { kind: 'part', value };
  return value === undefined ? GARBAGE_FRAME : NOISE_FRAME;
}

const DONE_FRAME: Frame = Object.freeze({ kind: 'done' });
const NOISE_FRAME: Frame = Object.freeze({ kind: 'noise' });
const GARBAGE_FRAME: Frame = Object.freeze({ kind: 'garbage' });

/** The frames of a whole stream. */
export function framesOf(body: Buffer): Frame[] {
  return new SseDecoder().push(body).map(readFrame);
}

/** An event with a name of its own, as the wires of Responses and Messages write theirs. */
export function encodeEvent(type: string, data: object): Buffer {
  return Buffer.from(`event: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
}
