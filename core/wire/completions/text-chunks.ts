import { isRecord, type Fields } from '../../bytes/json.ts';
import type { Usage } from '../chat/chat-types.ts';
import type { ChunkOptions } from '../chat/completion-chunks.ts';
import { ChunkHead, join, joinLogprobs, keepLast, pieces, toObject, type Parts } from '../chat/delta.ts';
import { isFinished } from '../chat/finish.ts';

/** An answer of `/v1/completions`. A chunk of a stream has the same shape, with a fragment as its `text`. */
export interface TextCompletion {
  readonly id: string;
  readonly object: string;
  readonly created: number;
  readonly model: string;
  readonly choices: readonly TextChoice[];
  readonly usage?: Usage | null;
  readonly [key: string]: unknown;
}

/** One of the answers to one of the request's prompts. */
export interface TextChoice {
  readonly index: number;
  readonly text: string;
  readonly finish_reason: string | null;
  readonly logprobs?: unknown;
  readonly [key: string]: unknown;
}

/** Assembles the chunks of a `/v1/completions` stream into a completion, as `ChunkAssembler` does for chat. */
export class TextChunkAssembler {
  readonly #head = new ChunkHead();
  readonly #choices = new Map<number, Parts>();
  readonly #count: number;

  /** @param init.n  How many choices are expected, of all prompts together. */
  constructor(init: { readonly n?: number | undefined } = {}) {
    this.#count = Math.max(1, init.n ?? 1);
  }

  /** Takes bytes of the event stream, cut anywhere. */
  push(bytes: Buffer): void {
    for (const chunk of this.#head.decode(bytes)) this.#add(chunk);
  }

  add(chunk: TextCompletion): void {
    this.#add(chunk);
  }

  /** Every choice came and has a `finish_reason`, and there was no error among the chunks. */
  get isWhole(): boolean {
    if (this.hasFailed || this.#choices.size < this.#count) return false;
    return [...this.#choices.values()].every((choice) => choice.has('finish_reason'));
  }

  /** An error event came, or one that is not JSON. */
  get hasFailed(): boolean {
    return this.#head.hasFailed;
  }

  /** The completion as far as it has come. */
  toCompletion(): TextCompletion {
    const inOrder = [...this.#choices].sort(([a], [b]) => a - b);
    const choices = inOrder.map(([index, parts]) => ({ index, text: '', finish_reason: null, ...toObject(parts) }));
    return this.#head.toCompletion('text_completion', choices);
  }

  #add(chunk: Fields): void {
    this.#head.add(chunk);
    const { choices } = chunk;
    if (!Array.isArray(choices)) return;
    for (const [position, choice] of choices.entries()) {
      if (!isRecord(choice)) continue;
      const index = typeof choice['index'] === 'number' ? choice['index'] : position;
      let parts = this.#choices.get(index);
      if (!parts) this.#choices.set(index, (parts = new Map()));
      addChoice(parts, choice);
    }
  }
}

function addChoice(parts: Parts, choice: Fields): void {
  for (const [key, value] of Object.entries(choice)) {
    if (key === 'index') continue;
    if (key === 'text') join(parts, key, value);
    else if (key === 'logprobs') joinLogprobs(parts, value);
    else if (key !== 'finish_reason') keepLast(parts, key, value);
    else if (isFinished(value)) parts.set(key, value);
  }
}

/** A text completion as the chunks of a stream. A choice's `logprobs` come with its first piece. */
export function* textCompletionToChunks(
  completion: TextCompletion,
  options: ChunkOptions = {},
): Generator<TextCompletion> {
  const { id, created, model, object: _object, choices, usage, ...others } = completion;
  const { includeUsage = false, pieces: units = 4096 } = options;
  const head = { id: options.id ?? id, object: 'text_completion', created: options.created ?? created, model };
  const noUsage = includeUsage && usage !== undefined ? { usage: null } : {};
  let once: object = others;
  for (const { text, finish_reason, logprobs, ...choice } of choices) {
    const noLogprobs = logprobs === undefined ? {} : { logprobs: null };
    let first: object = logprobs === undefined ? {} : { logprobs };
    for (const piece of pieces(text, units)) {
      yield {
        ...head,
        choices: [{ index: choice.index, text: piece, ...noLogprobs, ...first, finish_reason: null }],
        ...noUsage,
        ...once,
      };
      first = {};
      once = {};
    }
    yield { ...head, choices: [{ text: '', ...noLogprobs, ...first, ...choice, finish_reason }], ...noUsage, ...once };
    once = {};
  }
  if (includeUsage && usage) yield { ...head, choices: [], usage, ...once };
}
