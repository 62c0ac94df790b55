import { digestOf } from './canonical.ts';
import type { Exchange } from './exchange.ts';
import type { ChatRequest } from './openai/types.ts';
import type { Payload } from './payload.ts';

/** What the copies of one call share: its digest, its number among equal calls, and how often it was sent. */
export interface CallNumber {
  readonly digest: string;
  readonly ordinal: number;
  attempts: number;
}

/** How often each call was made in one exchange, by digest. */
export type Ordinals = Map<string, number>;

/**
 * Numbers a call lazily: nobody who does not ask pays for the digest. Equal calls are interchangeable, so which of them
 * gets which number does not matter; that the k-th of them is the k-th again when the request is repeated does.
 */
export function numberEqualCalls(exchange: Exchange, upstream: string, request: Payload<ChatRequest>): CallNumber {
  return new LazyNumber(exchange, upstream, request);
}

class LazyNumber implements CallNumber {
  attempts = 0;
  #digest: string | undefined;
  #ordinal: number | undefined;
  readonly #exchange: Exchange;
  readonly #upstream: string;
  readonly #request: Payload<ChatRequest>;

  constructor(exchange: Exchange, upstream: string, request: Payload<ChatRequest>) {
    this.#exchange = exchange;
    this.#upstream = upstream;
    this.#request = request;
  }

  get digest(): string {
    return (this.#digest ??= digestOf(this.#request, [
      this.#exchange.operation,
      this.#exchange.client.path,
      this.#upstream,
    ]));
  }

  get ordinal(): number {
    if (this.#ordinal === undefined) {
      const { ordinals } = this.#exchange;
      this.#ordinal = ordinals.get(this.digest) ?? 0;
      ordinals.set(this.digest, this.#ordinal + 1);
    }
    return this.#ordinal;
  }
}
