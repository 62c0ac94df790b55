import { digestOf } from '../bytes/digest.ts';
import type { ChatRequest } from '../wire/chat/chat-types.ts';
import type { Payload } from '../bytes/payload.ts';

/** What the copies of one call share: its digest, its number among equal calls, and how often it was sent. */
export interface CallNumber {
  readonly digest: string;
  readonly ordinal: number;
  attempts: number;
}

/** Counts how often each equal call of one exchange was made. */
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
 * Numbers a call when somebody asks, because the digest costs. Equal calls are interchangeable, so it does not matter
 * which of them gets which number. It matters that a repeated request gives its k-th call the same number again.
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
