/** Asks for the usage of a chat stream, and takes it out of the stream again for a client that did not ask. */
import { COMMA, CLOSE_ARRAY, CLOSE_OBJECT } from '../../bytes/ascii.ts';
import type { ByteStream } from '../../bytes/byte-stream.ts';
import { isRecord, parseJson, scanObject, type Span } from '../../bytes/json.ts';
import type { Payload } from '../../bytes/payload.ts';
import { eventEnds } from '../event-border.ts';
import type { ChatRequest } from './chat-types.ts';

/**
 * The request with `stream_options.include_usage` set, its other options kept. The same payload if it is already set.
 */
export function withUsageAsked(payload: Payload<ChatRequest>): Payload<ChatRequest> {
  const { stream_options } = payload.value;
  if (stream_options?.include_usage === true) return payload;
  return payload.with({ stream_options: { ...stream_options, include_usage: true } });
}

/**
 * The stream as if nobody had asked for usage: without the chunk that only reports it, and without `usage: null` in the
 * others. All other bytes stay. If a chunk has choices and usage, the usage stays: such upstreams send it without being
 * asked.
 * @param stream  Each chunk of it holds whole events.
 */
export function stripUsage(stream: ByteStream): ByteStream {
  return stream.map(withoutUsage);
}

const USAGE = Buffer.from('"usage"');
const NULL = Buffer.from(':null');
const LETTER_D = 0x64;
const LF = 0x0a;
const CR = 0x0d;

/** Whole events without the usage that a client did not ask for, as in `stripUsage`; undefined if nothing is left. */
export function withoutUsage(block: Buffer): Buffer | undefined {
  let found = block.indexOf(USAGE);
  if (found < 0) return block;
  const kept: Buffer[] = [];
  let keptTo = 0;
  let start = 0;
  const isOneEvent = block.indexOf(LF) === block.length - 2;
  for (const end of isOneEvent ? [block.length] : eventEnds(block)) {
    if (found < 0) break;
    if (found < end) {
      const cut = lastNullIn(block, start, end, found) ?? cutIn(block, start, end);
      if (cut) {
        kept.push(block.subarray(keptTo, cut.start));
        keptTo = cut.end;
      }
      found = block.indexOf(USAGE, end);
    }
    start = end;
  }
  if (keptTo === 0) return block;
  kept.push(block.subarray(keptTo));
  const rest = Buffer.concat(kept);
  return rest.length > 0 ? rest : undefined;
}

/**
 * Finds `,"usage":null` near the end of a one-line event, where OpenAI has it in every chunk, without scanning the
 * JSON. If the first closing bracket after it is the last byte of the JSON, it is a member of the outermost object.
 */
function lastNullIn(
  block: Buffer,
  start: number,
  end: number,
  key: number,
): { start: number; end: number } | undefined {
  const value = key + USAGE.length;
  if (
    block[start] !== LETTER_D ||
    block[key - 1] !== COMMA ||
    block.compare(NULL, 0, NULL.length, value, value + NULL.length)
  )
    return undefined;
  let close = value + NULL.length;
  while (close < end && block[close] !== CLOSE_OBJECT && block[close] !== CLOSE_ARRAY) close++;
  if (close !== end - 3 || block[close] !== CLOSE_OBJECT) return undefined;
  return { start: key - 1, end: value + NULL.length };
}

/** The bytes of an event that only report usage: all of it, one member, or undefined for none. */
function cutIn(block: Buffer, start: number, end: number): { start: number; end: number } | undefined {
  const data = dataOf(block, start, end);
  if (!data) return undefined;
  const { members } = scanObject(block.subarray(data.start, data.end));
  const index = members.findIndex(({ key }) => key === 'usage');
  const usage = members[index];
  if (!usage) return undefined;
  const text = (span: Span) => block.toString('latin1', data.start + span.start, data.start + span.end);
  if (text(usage) !== 'null') {
    const choices = members.find(({ key }) => key === 'choices');
    const isAlone = !choices || /^(?:null|\[\s*\])$/.test(text(choices));
    return isAlone && isRecord(parseJson(text(usage))) ? { start, end } : undefined;
  }
  const before = members[index - 1];
  const after = members[index + 1];
  // Cuts the comma after the member as well, or the one before it if the member is the last.
  if (after) return { start: data.start + usage.keyStart, end: data.start + after.keyStart };
  return { start: data.start + (before ? before.end : usage.keyStart), end: data.start + usage.end };
}

/** The `data` line of an event; undefined if it has several, which no known server sends. */
function dataOf(block: Buffer, start: number, end: number): { start: number; end: number } | undefined {
  let data: { start: number; end: number } | undefined;
  for (let from = start; from < end;) {
    const lineEnd = endOfLine(block, from, end);
    if (block.toString('latin1', from, from + 5) === 'data:') {
      if (data) return undefined;
      data = { start: from + 5, end: lineEnd };
    }
    from = lineEnd + 1;
  }
  return data;
}

function endOfLine(block: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && block[at] !== LF && block[at] !== CR) at++;
  return at;
}
