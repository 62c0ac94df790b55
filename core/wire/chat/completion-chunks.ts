import { isRecord, type Fields } from '../../bytes/json.ts';
import type { ChatCompletion, Choice, Chunk, ChunkChoice, Message } from './chat-types.ts';
import { pieces } from './delta.ts';

/** How a completion is turned into chunks. Default for `id` and `created`: those of the completion. */
export interface ChunkOptions {
  readonly id?: string | undefined;
  readonly created?: number | undefined;
  /** How many UTF-16 units of text a chunk has; a surrogate pair is never split. Default: 4096. */
  readonly pieces?: number | undefined;
  /** The client asked for usage: it gets a chunk of its own at the end, and the others have `usage: null`. */
  readonly includeUsage?: boolean | undefined;
}

/** UTF-16 units per chunk. Longer text is split, so that no event becomes too large to hold. */
const PIECE = 4096;
/**
 * UTF-16 units per chunk of an answer that an approach chose. So few that clients show it growing, like one being
 * written.
 */
export const CHOSEN_PIECE = 160;

/**
 * A completion as the chunks of a stream: for each choice the role, then its text in pieces, then the finish; usage
 * last. `ChunkAssembler` makes the same completion of them again.
 */
export function* completionToChunks(completion: ChatCompletion, options: ChunkOptions = {}): Generator<Chunk> {
  const {
    id,
    created,
    model,
    object: _object,
    choices,
    usage,
    system_fingerprint,
    service_tier,
    ...others
  } = completion;
  const { includeUsage = false, pieces: units = PIECE } = options;
  const head = {
    id: options.id ?? id,
    object: 'chat.completion.chunk',
    created: options.created ?? created,
    model,
    ...(service_tier === undefined ? {} : { service_tier }),
    ...(system_fingerprint === undefined ? {} : { system_fingerprint }),
  };
  const noUsage = includeUsage && usage !== undefined ? { usage: null } : {};
  // Other members go out once, in the first chunk.
  let once: object = others;
  for (const [index, choice] of choices.entries()) {
    yield { ...head, choices: [chunkChoice(choice, index, roleDelta(choice.message))], ...noUsage, ...once };
    once = {};
  }
  for (const [index, choice] of choices.entries()) {
    let { logprobs } = choice;
    for (const delta of deltas(choice.message, units)) {
      yield { ...head, choices: [chunkChoice(choice, index, delta, logprobs)], ...noUsage };
      logprobs = undefined;
    }
    yield { ...head, choices: [lastChoice(choice, index, logprobs)], ...noUsage };
  }
  if (includeUsage && usage) yield { ...head, choices: [], usage, ...once };
}

/** Fields whose text is sent in pieces, reasoning first. */
const TEXTS = ['reasoning_content', 'reasoning', 'content', 'refusal'] as const;

/**
 * The first delta of a choice: the role, and every field that is not sent in pieces. Text fields are in it as `""`, but
 * reasoning is not, because some clients show an empty box for it.
 */
function roleDelta(message: Message): Fields {
  const members: [string, unknown][] = [];
  for (const [key, value] of Object.entries(message)) {
    if (key === 'tool_calls' && Array.isArray(value) && value.length > 0) continue;
    const isText = typeof value === 'string' && TEXTS.some((text) => text === key);
    if (!isText) members.push([key, value]);
    else if (value === '' || !key.startsWith('reasoning')) members.push([key, '']);
  }
  return Object.fromEntries(members);
}

/** The deltas after the first: texts in pieces, then each tool call, its name before its arguments. */
function* deltas(message: Message, units: number): Generator<Fields> {
  for (const key of TEXTS) {
    const text = message[key];
    if (typeof text === 'string') for (const piece of pieces(text, units)) yield { [key]: piece };
  }
  if (!Array.isArray(message.tool_calls)) return;
  for (const [index, call] of message.tool_calls.entries()) {
    const named = ARGUMENTS.map(([kind, member]) => withoutText(call, kind, member));
    yield { tool_calls: [Object.assign({ index }, call, ...named)] };
    for (const [kind, member] of ARGUMENTS) {
      for (const piece of pieces(argumentsText(call, kind, member), units))
        yield { tool_calls: [{ index, [kind]: { [member]: piece } }] };
    }
  }
}

/** The kinds of tool calls, each with the member that holds its arguments. */
const ARGUMENTS = [
  ['function', 'arguments'],
  ['custom', 'input'],
] as const;

function argumentsText(call: Fields, kind: string, member: string): string {
  const called = call[kind];
  const text = isRecord(called) ? called[member] : undefined;
  return typeof text === 'string' ? text : '';
}

function withoutText(call: Fields, kind: string, member: string): Fields {
  const called = call[kind];
  return isRecord(called) && typeof called[member] === 'string' ? { [kind]: { ...called, [member]: '' } } : {};
}

/**
 * @param sent  The `logprobs` that this chunk sends; the chunks without them have null, if the choice has any at all.
 */
function chunkChoice({ index, logprobs }: Choice, position: number, delta: Fields, sent?: unknown): ChunkChoice {
  const member = logprobs === undefined ? {} : { logprobs: sent ?? null };
  return { index: typeof index === 'number' ? index : position, delta, ...member, finish_reason: null };
}

/** The finish, with what servers add to it: `stop_reason`, filter results. */
function lastChoice(choice: Choice, position: number, sent: unknown): ChunkChoice {
  const { index: _index, message: _message, logprobs: _logprobs, ...rest } = choice;
  return { ...chunkChoice(choice, position, {}, sent), ...rest };
}
