import { isRecord, type Fields } from '../../bytes/json.ts';
import type { ChatCompletion, Choice, Chunk } from './chat-types.ts';
import { toChunk } from './chunk.ts';
import {
  ChunkHead,
  join,
  joinContent,
  joinLogprobs,
  keepFirst,
  keepLast,
  partsOf,
  toObject,
  type Parts,
} from './delta.ts';
import { isFinished } from './finish.ts';

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
      else if (key === 'content') joinContent(this.#message, key, value);
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
  /** Which call a delta with this index continues: the last one that began under it. */
  readonly #current = new Map<number, number>();
  /** Where the call with an id is. */
  readonly #places = new Map<unknown, number>();
  #last = -1;
  /** Behind the last place that is taken. */
  #next = 0;

  add(deltas: readonly unknown[]): void {
    this.#calls ??= new Map();
    for (const delta of deltas) if (isRecord(delta)) this.#addCall(this.#calls, delta);
  }

  toArray(): Record<string, unknown>[] | undefined {
    if (!this.#calls) return undefined;
    return [...this.#calls].sort(([a], [b]) => a - b).map(([, parts]) => toToolCall(parts));
  }

  #addCall(calls: Map<number, Parts>, delta: Fields): void {
    const place = this.#placeOf(calls, delta);
    this.#last = place;
    this.#next = Math.max(this.#next, place + 1);
    let call = calls.get(place);
    if (!call) calls.set(place, (call = new Map()));
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
    const id = call.get('id');
    if (id && !this.#places.has(id)) this.#places.set(id, place);
  }

  /**
   * The place of a tool call among all. A delta with a new id and a name begins a call, whatever its index: some servers
   * give all calls the same one. Without an index, a new id or a name begins a call, and others continue the last one.
   */
  #placeOf(calls: ReadonlyMap<number, Parts>, delta: Fields): number {
    const { index, id, function: called, custom } = delta;
    const isNamed = [called, custom].some((one) => isRecord(one) && Boolean(one['name']));
    if (typeof index === 'number') {
      const current = this.#current.get(index) ?? index;
      const before = calls.get(current)?.get('id');
      const isOther = isNamed && Boolean(id) && Boolean(before) && id !== before;
      const place = isOther ? (this.#places.get(id) ?? this.#next) : current;
      this.#current.set(index, place);
      return place;
    }
    const known = id ? this.#places.get(id) : undefined;
    if (known !== undefined) return known;
    return id || isNamed || this.#last < 0 ? this.#next : this.#last;
  }
}

/** If a call has no arguments, an upstream may leave them out, but clients expect a string. */
function toToolCall(parts: Parts): Record<string, unknown> {
  const called = parts.get('function');
  if (called instanceof Map && !called.has('arguments')) called.set('arguments', '');
  return toObject(parts);
}
