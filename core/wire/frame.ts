/** Reads events of an answer tolerantly. Every reader of upstream events uses this, so that all see the same in one. */
import { isRecord, parseJson, type Fields } from '../bytes/json.ts';
import { failureOf, tellsFailure, type Failure } from './failure.ts';
import { SseDecoder, type SseEvent } from './sse.ts';

/** What one event of an answer is. */
export type Frame =
  /** A part of the answer. */
  | { readonly kind: 'part'; readonly value: Fields }
  /** OpenAI's `[DONE]`. */
  | { readonly kind: 'done' }
  /** Nothing, or JSON that is not an object (`null`, a number). It is ignored. */
  | { readonly kind: 'noise' }
  /** Not JSON. Passed on if the bytes are passed on; a failure if an answer is assembled of the events. */
  | { readonly kind: 'garbage' }
  /** An error. `value` is the event's object, if it has one; it may hold a part of the answer as well. */
  | { readonly kind: 'failure'; readonly failure: Failure; readonly value?: Fields };

/** Decides what an event is. Never throws. */
export function readFrame({ event, data }: SseEvent): Frame {
  if (data.startsWith('[DONE]')) return DONE_FRAME;
  const value = parseJson(data);
  const isObject = isRecord(value);
  if (event === 'error' || (isObject && tellsFailure(value)))
    return { kind: 'failure', failure: failureOf(value, data), ...(isObject ? { value } : {}) };
  if (isObject) return { kind: 'part', value };
  return value === undefined && data.trim() !== '' ? GARBAGE_FRAME : NOISE_FRAME;
}

const DONE_FRAME: Frame = Object.freeze({ kind: 'done' });
const NOISE_FRAME: Frame = Object.freeze({ kind: 'noise' });
const GARBAGE_FRAME: Frame = Object.freeze({ kind: 'garbage' });

/** The frames of a whole stream. */
export function framesOf(body: Buffer): Frame[] {
  return new SseDecoder().push(body).map(readFrame);
}

/** The bytes of an event with a name, as the wires of Responses and Messages have them. */
export function encodeEvent(type: string, data: object): Buffer {
  return Buffer.from(`event: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
}
