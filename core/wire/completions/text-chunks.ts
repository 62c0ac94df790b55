import { isRecord, type Fields } from '../../bytes/json.ts';
import { isFinished } from '../chat/chunk.ts';
import type { ChunkOptions } from '../chat/completion-chunks.ts';
import { ChunkHead, join, joinLogprobs, keepLast, pieces, toObject, type Parts } from '../chat/delta.ts';
import type { Usage } from '../chat/chat-types.ts';

/** What `/v1/completions` answers; in a stream each chunk is such an object, its `text` a fragment. */
export interface TextCompletion {
  readonly id: string;
  readonly object: string;
  readonly created: number;
  readonly model: string;
  readonly choices: readonly TextChoice[];
  readonly usage?: Usage | null;
  readonly [key: string]: unknown;
}

export interface TextChoice {
  readonly index: number;
  readonly text: string;
  readonly finish_reason: string | null;
  readonly logprobs?: unknown;
  readonly [key: string]: unknown;
}

/** Puts the chunks of a `/v1/completions` stream together, as `ChunkAssembler` does for chat. */
export class TextChunkAssembler {
  readonly #head = new ChunkHead();
  readonly #choices = new Map<number, Parts>();
  readonly #count: number;

  /** @param init.n  How many choices there are to be, of all prompts together. */
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

  get hasFailed(): boolean {
    return this.#head.hasFailed;
  }

  /** What came so far. */
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

/** The stream that tells of a text completion; `logprobs` come with the first piece. */
export function* textCompletionToChunks(
  completion: TextCompletion,
  options: ChunkOptions = {},
): Generator<TextCompletion> {
  const { id, created, model, object: _object, choices, usage, ...others } = completion;
  const { includeUsage = false, pieces: units = 4096 } = options;
  const head = { id: options.id ?? id, object: 'text_completion', created: options.created ?? created, model };
  const asked = includeUsage && usage !== undefined ? { usage: null } : {};
  let once: object = others;
  for (const { text, finish_reason, logprobs, ...choice } of choices) {
    const told = logprobs === undefined ? {} : { logprobs: null };
    let first: object = logprobs === undefined ? {} : { logprobs };
    for (const piece of pieces(text, units)) {
      yield {
        ...head,
        choices: [{ index: choice.index, text: piece, ...told, ...first, finish_reason: null }],
        ...asked,
        ...once,
      };
      first = {};
      once = {};
    }
    yield { ...head, choices: [{ text: '', ...told, ...first, ...choice, finish_reason }], ...asked, ...once };
    once = {};
  }
  if (includeUsage && usage) yield { ...head, choices: [], usage, ...once };
}
