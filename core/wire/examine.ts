/**
 * Looks at a whole answer that came with a 2xx: does it speak the operation's wire, what did it cost, or is it an error
 * in disguise?
 */
import type { Operation } from '../exchange/exchange.ts';
import { isRecord, parseJson } from '../bytes/json.ts';
import type { ChatCompletion, Usage } from './chat/chat-types.ts';
import { usageFromMessages, usageFromResponses } from './usage.ts';

/** Up to here an answer is parsed to be checked; larger ones only where they are chats, or could have been cut unnoticed. */
const PARSED_BYTES = 64 * 1024;
const TAIL_BYTES = 8 * 1024;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

export type Verdict =
  | { readonly kind: 'answer'; readonly value: ChatCompletion | undefined; readonly usage: Usage | undefined }
  /** A 200 with an error inside. */
  | { readonly kind: 'error'; readonly value: unknown }
  /** Not the wire; `detail` completes "The upstream 'x' …". */
  | { readonly kind: 'unusable'; readonly detail: string };

/** @param isFramed  Did length or chunking say where the body ends? Without, a cut looks like an end. */
export function examine(bytes: Buffer, operation: Exclude<Operation, 'other'>, isFramed: boolean): Verdict {
  if (!isFramed || operation === 'chat' || bytes.length <= PARSED_BYTES) return examineValue(bytes, operation);
  if (!looksLikeObject(bytes)) return NO_OBJECT;
  return { kind: 'answer', value: undefined, usage: findUsage(bytes) };
}

/** Is its first character an opening brace? */
export function beginsLikeObject(bytes: Buffer): boolean {
  return bytes[firstInk(bytes)] === OPEN_BRACE;
}

const NO_OBJECT: Verdict = { kind: 'unusable', detail: 'answered with something that is not a JSON object' };

function examineValue(bytes: Buffer, operation: Operation): Verdict {
  if (firstInk(bytes) === bytes.length) return { kind: 'unusable', detail: 'answered with an empty body' };
  if (!looksLikeObject(bytes)) return NO_OBJECT;
  const value = parseJson(bytes.toString());
  if (!isRecord(value)) return NO_OBJECT;
  // A Responses object has an `error` member of its own, null or not.
  const isAnswer = 'choices' in value || 'data' in value || value['object'] === 'response';
  if (!isAnswer && (typeof value['error'] === 'string' || isRecord(value['error']))) return { kind: 'error', value };
  if (operation === 'chat' || operation === 'completions') {
    const { choices } = value;
    if (!Array.isArray(choices) || choices.length === 0)
      return { kind: 'unusable', detail: 'answered without any choice' };
  }
  // Every operation's body travels as a ChatCompletion: an open type, of which only `usage` is read here.
  return { kind: 'answer', value: value as unknown as ChatCompletion, usage: toUsage(value['usage']) };
}

/**
 * The `usage` of an answer, by searching its bytes: the last member of that name that holds token counts. In a string
 * its quotes would be escaped, so it cannot be mistaken there.
 */
export function findUsage(bytes: Buffer): Usage | undefined {
  for (let at = bytes.lastIndexOf('"usage"'); at >= 0; at = at > 0 ? bytes.lastIndexOf('"usage"', at - 1) : -1) {
    if (bytes[at - 1] === BACKSLASH) continue;
    const colon = firstInk(bytes, at + 7);
    if (bytes[colon] !== COLON) continue;
    const start = firstInk(bytes, colon + 1);
    const usage = bytes[start] === OPEN_BRACE ? toUsage(objectAt(bytes, start)) : undefined;
    if (usage) return usage;
  }
  return undefined;
}

/** Remembers the end of an answer that is piped, where its usage stands. */
export class UsageTail {
  #bytes: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): void {
    this.#bytes = (chunk.length >= TAIL_BYTES ? chunk : Buffer.concat([this.#bytes, chunk])).subarray(-TAIL_BYTES);
  }

  get usage(): Usage | undefined {
    return findUsage(this.#bytes);
  }
}

/** Token counts in chat's words, whichever wire they come in; undefined for anything else. */
export function toUsage(value: unknown): Usage | undefined {
  if (!isRecord(value)) return undefined;
  if (typeof value['prompt_tokens'] === 'number' || typeof value['completion_tokens'] === 'number') return value;
  if (typeof value['input_tokens'] !== 'number' && typeof value['output_tokens'] !== 'number') return undefined;
  const isMessages = 'cache_read_input_tokens' in value || 'cache_creation_input_tokens' in value;
  return isMessages ? usageFromMessages(value) : usageFromResponses(value);
}

/** The object that opens at `start`; undefined where it does not close or is none. Usage objects are short. */
function objectAt(bytes: Buffer, start: number): unknown {
  let depth = 0;
  let inString = false;
  for (let i = start; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === BACKSLASH) i++;
    else if (byte === QUOTE) inString = !inString;
    else if (inString) continue;
    else if (byte === OPEN_BRACE) depth++;
    else if (byte === CLOSE_BRACE && --depth === 0) {
      return parseJson(bytes.toString('utf8', start, i + 1));
    }
  }
  return undefined;
}

function looksLikeObject(bytes: Buffer): boolean {
  let last = bytes.length - 1;
  while (last > 0 && isBlank(bytes[last])) last--;
  return beginsLikeObject(bytes) && bytes[last] === CLOSE_BRACE;
}

/** Index of the first byte from `from` that is no blank. */
function firstInk(bytes: Buffer, from = 0): number {
  let i = from;
  while (i < bytes.length && isBlank(bytes[i])) i++;
  return i;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
