import { isRecord, type Fields } from '../../bytes/json.ts';
import { pieces } from './delta.ts';
import type { ChatCompletion, Choice, Chunk, ChunkChoice, Message } from './chat-types.ts';

export interface ChunkOptions {
  readonly id?: string | undefined;
  readonly created?: number | undefined;
  /** UTF-16 units of text per chunk; a surrogate pair is never split. */
  readonly pieces?: number | undefined;
  /** The client asked for usage: a chunk of its own at the end, and `usage: null` before. */
  readonly includeUsage?: boolean | undefined;
}

/** Text beyond it is cut, so that no event becomes too large to hold. */
const PIECE = 4096;
/** For an answer that an approach chose: clients show it as it comes, as they do one that is being written. */
export const CHOSEN_PIECE = 160;

/**
 * The stream that tells of a completion: per choice the role, its text in pieces, the finish; usage last. Put together
 * again by `ChunkAssembler` it is the same completion.
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
  const asked = includeUsage && usage !== undefined ? { usage: null } : {};
  // What is said once is said first.
  let once: object = others;
  for (const [index, choice] of choices.entries()) {
    yield { ...head, choices: [chunkChoice(choice, index, roleDelta(choice.message))], ...asked, ...once };
    once = {};
  }
  for (const [index, choice] of choices.entries()) {
    let { logprobs } = choice;
    for (const delta of deltas(choice.message, units)) {
      yield { ...head, choices: [chunkChoice(choice, index, delta, logprobs)], ...asked };
      logprobs = undefined;
    }
    yield { ...head, choices: [lastChoice(choice, index, logprobs)], ...asked };
  }
  if (includeUsage && usage) yield { ...head, choices: [], usage, ...once };
}

/** Fields whose text comes in pieces, thoughts first. */
const TEXTS = ['reasoning_content', 'reasoning', 'content', 'refusal'] as const;

/** Role, and whatever is not told in pieces. Thoughts begin by their first piece only: some clients show a box for `""`. */
function roleDelta(message: Message): Fields {
  const begun: [string, unknown][] = [];
  for (const [key, value] of Object.entries(message)) {
    if (key === 'tool_calls' && Array.isArray(value) && value.length > 0) continue;
    const isText = typeof value === 'string' && TEXTS.some((text) => text === key);
    if (!isText) begun.push([key, value]);
    else if (value === '' || !key.startsWith('reasoning')) begun.push([key, '']);
  }
  return Object.fromEntries(begun);
}

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

/** What a tool call carries its arguments in, by its kind. Its first delta names it, they follow. */
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

function chunkChoice({ index, logprobs }: Choice, position: number, delta: Fields, told?: unknown): ChunkChoice {
  const beside = logprobs === undefined ? {} : { logprobs: told ?? null };
  return { index: typeof index === 'number' ? index : position, delta, ...beside, finish_reason: null };
}

/** The finish, with what servers say beside it: `stop_reason`, filter results. */
function lastChoice(choice: Choice, position: number, told: unknown): ChunkChoice {
  const { index: _index, message: _message, logprobs: _logprobs, ...rest } = choice;
  return { ...chunkChoice(choice, position, {}, told), ...rest };
}
