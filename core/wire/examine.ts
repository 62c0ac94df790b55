/** Examines a body that came with a 2xx: is it an answer of its wire, what usage does it report, or is it an error? */
import { CLOSE_OBJECT, COLON, BACKSLASH, isBlank, OPEN_OBJECT } from '../bytes/ascii.ts';
import { isRecord, objectEnd, parseJson, type Fields } from '../bytes/json.ts';
import type { Usage } from './chat/chat-types.ts';
import { bodyOf, failureOf, tellsFailure, type Failure } from './failure.ts';
import { readUsage } from './usage.ts';
import type { Examined } from './wire.ts';

/**
 * Answers up to this size are parsed to be checked. Larger ones are parsed only if an approach reads them anyway, or if
 * a cut would not be noticed otherwise.
 */
const PARSED_BYTES = 64 * 1024;
/** How much of the end of a piped answer is searched for its usage. */
const TAIL_BYTES = 8 * 1024;
/** The longest usage object that is read. */
const USAGE_BYTES = 64 * 1024;
/** How many places that look like the usage are read. */
const USAGE_PLACES = 16;

/** What a wire's answers look like. */
export interface AnswerRules {
  /** Is every answer parsed, however large? True for chat, because approaches read the answers. */
  readonly isAlwaysParsed: boolean;
  /** Has the object what only an answer has? Then it is one, even if it also has an `error` member. */
  isAnswer(value: Fields): boolean;
  /** The failure that an object reports although it looks like an answer; undefined if it reports none. */
  failureIn?(answer: Fields): Failure | undefined;
  /**
   * What is wrong with an object that is neither answer nor failure; completes "The upstream 'x' …". Undefined: it
   * passes.
   */
  readonly lacking: string | undefined;
}

/** Applies a wire's rules to a body. @see Wire.examine */
export function examine(body: Buffer, isFramed: boolean, rules: AnswerRules): Examined {
  if (firstNonBlank(body) === body.length) return { kind: 'unusable', detail: 'answered with an empty body' };
  if (!looksLikeObject(body)) return NO_OBJECT;
  if (isFramed && !rules.isAlwaysParsed && body.length > PARSED_BYTES)
    return { kind: 'answer', value: undefined, usage: findUsage(body) };
  const value = parseJson(body.toString());
  if (!isRecord(value)) return NO_OBJECT;
  if (!rules.isAnswer(value)) {
    if (tellsFailure(value)) return { kind: 'failure', failure: failureOf(value, ''), body };
    if (value['error'] === '') return { kind: 'unusable', detail: 'answered with an error that says nothing' };
    if (rules.lacking !== undefined) return { kind: 'unusable', detail: rules.lacking };
  }
  const failure = rules.failureIn?.(value);
  if (failure) return { kind: 'failure', failure, body: bodyOf(failure) };
  return { kind: 'answer', value, usage: readUsage(value['usage']) };
}

const NO_OBJECT: Examined = { kind: 'unusable', detail: 'answered with something that is not a JSON object' };

/** Is an opening brace the first character that is not blank? */
export function beginsLikeObject(bytes: Buffer): boolean {
  return bytes[firstNonBlank(bytes)] === OPEN_OBJECT;
}

/**
 * Searches an answer's bytes for its `usage`: the last member of that name with token counts. Text that a model wrote
 * cannot match, because quotes in strings are escaped.
 */
export function findUsage(bytes: Buffer): Usage | undefined {
  let places = 0;
  for (let at = bytes.lastIndexOf('"usage"'); at >= 0; at = at > 0 ? bytes.lastIndexOf('"usage"', at - 1) : -1) {
    if (bytes[at - 1] === BACKSLASH) continue;
    const colon = firstNonBlank(bytes, at + 7);
    if (bytes[colon] !== COLON) continue;
    const start = firstNonBlank(bytes, colon + 1);
    if (places++ === USAGE_PLACES) return undefined;
    const usage = bytes[start] === OPEN_OBJECT ? readUsage(objectAt(bytes, start)) : undefined;
    if (usage) return usage;
  }
  return undefined;
}

/** Remembers the end of an answer that is piped, to find its usage there. */
export class UsageTail {
  #bytes: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): void {
    this.#bytes = (chunk.length >= TAIL_BYTES ? chunk : Buffer.concat([this.#bytes, chunk])).subarray(-TAIL_BYTES);
  }

  get usage(): Usage | undefined {
    return findUsage(this.#bytes);
  }
}

/** The object that opens at `start`; undefined if it is not closed or not valid JSON. */
function objectAt(bytes: Buffer, start: number): unknown {
  const end = objectEnd(bytes.toString('latin1', start, start + USAGE_BYTES), 0);
  return end === undefined ? undefined : parseJson(bytes.toString('utf8', start, start + end));
}

function looksLikeObject(bytes: Buffer): boolean {
  let last = bytes.length - 1;
  while (last > 0 && isBlank(bytes[last])) last--;
  return beginsLikeObject(bytes) && bytes[last] === CLOSE_OBJECT;
}

/** The index of the first byte from `from` that is not a blank. */
function firstNonBlank(bytes: Buffer, from = 0): number {
  let i = from;
  while (i < bytes.length && isBlank(bytes[i])) i++;
  return i;
}
