import { isRecord, type Fields } from '../../bytes/json.ts';
import type { ChatCompletion, Choice, Chunk } from './chat-types.ts';
import { isFinished, toChunk } from './chunk.ts';
import { ChunkHead, join, joinLogprobs, keepFirst, keepLast, partsOf, toObject, type Parts } from './delta.ts';

/**
 * Assembles the chunks of a chat stream into a completion. Joins deltas per choice and tool calls per index, and keeps
 * unknown fields. Never throws, whatever an upstream sends: `isWhole` says whether the completion can be used.
 */
export class ChunkAssembler {
  readonly #head = new ChunkHead();
  readonly #choices = new Map<number, ChoiceParts>();
  readonly #count: number;

  /** @param init.n  How many choices are expected. */
  constructor(init: { readonly n?: number | undefined } = {}) {
    this.#count = Math.max(1, init.n ?? 1);
  }

  /** Takes bytes of the event stream, cut anywhere. */
  push(bytes: Buffer): void {
    for (const value of this.#head.decode(bytes)) this.#add(value);
  }

  add(chunk: Chunk): void {
    this.#add(chunk);
  }

  #add(value: Fields): void {
    this.#head.add(value);
    for (const choice of toChunk(value).choices) {
      let parts = this.#choices.get(choice.index);
      if (!parts) this.#choices.set(choice.index, (parts = new ChoiceParts()));
      parts.add(choice);
    }
  }

  /** Every choice came and has a `finish_reason`, and there was no error among the chunks. */
  get isWhole(): boolean {
    if (this.hasFailed || this.#choices.size < this.#count) return false;
    return [...this.#choices.values()].every((choice) => choice.isFinished);
  }

  /** An error event came, or one that is not JSON. */
  get hasFailed(): boolean {
    return this.#head.hasFailed;
  }

  /** The completion as far as it has come. */
  toCompletion(): ChatCompletion {
    const inOrder = [...this.#choices].sort(([a], [b]) => a - b);
    const choices = inOrder.map(([index, choice]) => choice.toChoice(index));
    return this.#head.toCompletion('chat.completion', choices);
  }
}

/** Reads the body of a stream to its end, and assembles it. Rejects if the body does. */
export async function assembleStream(body: AsyncIterable<Buffer>): Promise<ChatCompletion> {
  const assembler = new ChunkAssembler();
  for await (const bytes of body) assembler.push(bytes);
  return assembler.toCompletion();
}

class ChoiceParts {
  readonly #message: Parts = new Map();
  readonly #fields: Parts = new Map();
  readonly #toolCalls = new ToolCallParts();
  #finishReason: string | null = null;

  get isFinished(): boolean {
    return this.#finishReason !== null;
  }

  add(choice: Fields): void {
    for (const [key, value] of Object.entries(choice)) {
      if (key === 'index') continue;
      if (key === 'delta' || key === 'message') this.#addDelta(value);
      else if (key === 'logprobs') joinLogprobs(this.#fields, value);
      else if (key !== 'finish_reason') keepLast(this.#fields, key, value);
    }
    const { finish_reason } = choice;
    if (isFinished(finish_reason)) this.#finishReason = finish_reason;
  }

  toChoice(index: number): Choice {
    const { role, content, ...rest } = toObject(this.#message);
    const toolCalls = this.#toolCalls.toArray();
    const message = {
      role: typeof role === 'string' && role !== '' ? role : 'assistant',
      content: content ?? null,
      ...rest,
      ...(toolCalls ? { tool_calls: toolCalls } : {}),
    } as Choice['message'];
    return { index, message, ...toObject(this.#fields), finish_reason: this.#finishReason };
  }

  #addDelta(delta: unknown): void {
    if (!isRecord(delta)) return;
    for (const [key, value] of Object.entries(delta)) {
      if (key === 'role') keepFirst(this.#message, key, value);
      else if (key === 'tool_calls' && Array.isArray(value)) this.#toolCalls.add(value);
      else if (isRecord(value)) this.#addObject(key, value);
      else join(this.#message, key, value);
    }
  }

  /**
   * Joins an object such as `audio` or `function_call`. Some of its members come in fragments, the others do not
   * change.
   */
  #addObject(key: string, value: Record<string, unknown>): void {
    const inner = partsOf(this.#message, key);
    for (const [name, member] of Object.entries(value)) {
      if (name === 'data' || name === 'transcript' || name === 'arguments') join(inner, name, member);
      else if (name === 'id' || name === 'name') keepFirst(inner, name, member);
      else keepLast(inner, name, member);
    }
  }
}

class ToolCallParts {
  #calls: Map<number, Parts> | undefined;
  #last = -1;

  add(deltas: readonly unknown[]): void {
    this.#calls ??= new Map();
    for (const delta of deltas) if (isRecord(delta)) this.#addCall(this.#calls, delta);
  }

  toArray(): Record<string, unknown>[] | undefined {
    if (!this.#calls) return undefined;
    return [...this.#calls].sort(([a], [b]) => a - b).map(([, parts]) => toToolCall(parts));
  }

  #addCall(calls: Map<number, Parts>, delta: Fields): void {
    const index = this.#indexOf(calls, delta);
    this.#last = index;
    let call = calls.get(index);
    if (!call) calls.set(index, (call = new Map()));
    for (const [key, value] of Object.entries(delta)) {
      if (key === 'index') continue;
      if (isRecord(value) && (key === 'function' || key === 'custom')) {
        const inner = partsOf(call, key);
        for (const [name, member] of Object.entries(value)) {
          if (name === 'arguments' || name === 'input') join(inner, name, member);
          else keepFirst(inner, name, member);
        }
      } else if (key === 'id' || key === 'type') keepFirst(call, key, value);
      else keepLast(call, key, value);
    }
  }

  /**
   * The index of a tool call. Without one, a delta with a new id, or with a name, begins a call; others continue the
   * last one.
   */
  #indexOf(calls: ReadonlyMap<number, Parts>, { index, id, function: called }: Fields): number {
    if (typeof index === 'number') return index;
    if (id) {
      for (const [known, call] of calls) if (call.get('id') === id) return known;
    }
    const isNew = Boolean(id) || (isRecord(called) && Boolean(called['name']));
    return isNew || this.#last < 0 ? Math.max(-1, ...calls.keys()) + 1 : this.#last;
  }
}

/** If a call has no arguments, an upstream may leave them out, but clients expect a string. */
function toToolCall(parts: Parts): Record<string, unknown> {
  const called = parts.get('function');
  if (called instanceof Map && !called.has('arguments')) called.set('arguments', '');
  return toObject(parts);
}
