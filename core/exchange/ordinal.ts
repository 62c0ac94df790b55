import { digestOf } from '../bytes/digest.ts';
import type { Payload } from '../bytes/payload.ts';
import type { ChatRequest } from '../wire/chat/chat-types.ts';

/** What the copies of one call share: its digest, its number among equal calls, and how often it was sent. */
export interface CallNumber {
  readonly digest: string;
  readonly ordinal: number;
  attempts: number;
}

/** Numbers the equal calls of one exchange. */
export class Ordinals {
  readonly #counts = new Map<string, number>();

  /** The number of the next call with this digest, from 0. */
  next(digest: string): number {
    const ordinal = this.#counts.get(digest) ?? 0;
    this.#counts.set(digest, ordinal + 1);
    return ordinal;
  }
}

/**
 * Numbers a call when the number is first read, because its digest is costly. Equal calls are interchangeable, so it
 * does not matter which of them gets which number. It matters that if a client repeats a request, the k-th of its equal
 * calls gets the same number again, and so the same cache entry.
 * @param context  What tells calls with the same body apart: operation, path, upstream.
 */
export function numberEqualCalls(
  ordinals: Ordinals,
  context: readonly string[],
  request: Payload<ChatRequest>,
): CallNumber {
  return new LazyNumber(ordinals, context, request);
}

class LazyNumber implements CallNumber {
  attempts = 0;
  #digest: string | undefined;
  #ordinal: number | undefined;
  readonly #ordinals: Ordinals;
  readonly #context: readonly string[];
  readonly #request: Payload<ChatRequest>;

  constructor(ordinals: Ordinals, context: readonly string[], request: Payload<ChatRequest>) {
    this.#ordinals = ordinals;
    this.#context = context;
    this.#request = request;
  }

  get digest(): string {
    return (this.#digest ??= digestOf(this.#request, this.#context));
  }

  get ordinal(): number {
    return (this.#ordinal ??= this.#ordinals.next(this.digest));
  }
}
