/** Looks at a whole body that came with a 2xx: does it speak the wire, what did it cost, or is it an error in disguise? */
import { CLOSE_OBJECT, COLON, BACKSLASH, isBlank, OPEN_OBJECT } from '../bytes/ascii.ts';
import { isRecord, objectEnd, parseJson, type Fields } from '../bytes/json.ts';
import type { Usage } from './chat/chat-types.ts';
import { failureOf, tellsFailure } from './failure.ts';
import type { Verdict } from './wire.ts';

/** Up to here an answer is parsed to be checked; larger ones only where they are read anyway, or could be cut unnoticed. */
const PARSED_BYTES = 64 * 1024;
const TAIL_BYTES = 8 * 1024;
/** No usage object is longer. */
const USAGE_BYTES = 64 * 1024;

/** What a wire's answers look like. */
export interface AnswerRules {
  /** Is every answer parsed, however large? Chats are: approaches read them. */
  readonly isAlwaysParsed: boolean;
  /** Has the object what only an answer has? Then it is one, whatever else it says. */
  isAnswer(value: Fields): boolean;
  /** What an object lacks that is neither an answer nor a failure; completes "The upstream 'x' …". Undefined = nothing. */
  readonly lacking: string | undefined;
  readonly usageOf: (usage: unknown) => Usage | undefined;
}

export function examine(body: Buffer, isFramed: boolean, rules: AnswerRules): Verdict {
  if (firstInk(body) === body.length) return { kind: 'unusable', detail: 'answered with an empty body' };
  if (!looksLikeObject(body)) return NO_OBJECT;
  if (isFramed && !rules.isAlwaysParsed && body.length > PARSED_BYTES)
    return { kind: 'answer', value: undefined, usage: findUsage(body, rules.usageOf) };
  const value = parseJson(body.toString());
  if (!isRecord(value)) return NO_OBJECT;
  if (!rules.isAnswer(value)) {
    if (tellsFailure(value)) return { kind: 'failure', failure: failureOf(value, '') };
    if (rules.lacking !== undefined) return { kind: 'unusable', detail: rules.lacking };
  }
  return { kind: 'answer', value, usage: rules.usageOf(value['usage']) };
}

const NO_OBJECT: Verdict = { kind: 'unusable', detail: 'answered with something that is not a JSON object' };

/** Is its first character an opening brace? */
export function beginsLikeObject(bytes: Buffer): boolean {
  return bytes[firstInk(bytes)] === OPEN_OBJECT;
}

/**
 * The `usage` of an answer, by searching its bytes: the last member of that name that holds token counts. In a string
 * its quotes would be escaped, so it cannot be mistaken there.
 */
export function findUsage(bytes: Buffer, usageOf: AnswerRules['usageOf']): Usage | undefined {
  for (let at = bytes.lastIndexOf('"usage"'); at >= 0; at = at > 0 ? bytes.lastIndexOf('"usage"', at - 1) : -1) {
    if (bytes[at - 1] === BACKSLASH) continue;
    const colon = firstInk(bytes, at + 7);
    if (bytes[colon] !== COLON) continue;
    const start = firstInk(bytes, colon + 1);
    const usage = bytes[start] === OPEN_OBJECT ? usageOf(objectAt(bytes, start)) : undefined;
    if (usage) return usage;
  }
  return undefined;
}

/** Remembers the end of an answer that is piped, where its usage stands. */
export class UsageTail {
  readonly #usageOf: AnswerRules['usageOf'];
  #bytes: Buffer = Buffer.alloc(0);

  constructor(usageOf: AnswerRules['usageOf']) {
    this.#usageOf = usageOf;
  }

  push(chunk: Buffer): void {
    this.#bytes = (chunk.length >= TAIL_BYTES ? chunk : Buffer.concat([this.#bytes, chunk])).subarray(-TAIL_BYTES);
  }

  get usage(): Usage | undefined {
    return findUsage(this.#bytes, this.#usageOf);
  }
}

/** The object that opens at `start`; undefined where it does not close or is none. */
function objectAt(bytes: Buffer, start: number): unknown {
  const end = objectEnd(bytes.toString('latin1', start, start + USAGE_BYTES), 0);
  return end === undefined ? undefined : parseJson(bytes.toString('utf8', start, start + end));
}

function looksLikeObject(bytes: Buffer): boolean {
  let last = bytes.length - 1;
  while (last > 0 && isBlank(bytes[last])) last--;
  return beginsLikeObject(bytes) && bytes[last] === CLOSE_OBJECT;
}

/** Index of the first byte from `from` that is no blank. */
function firstInk(bytes: Buffer, from = 0): number {
  let i = from;
  while (i < bytes.length && isBlank(bytes[i])) i++;
  return i;
}
