import type { Exchange } from '../../../core/index.ts';

/**
 * What one request may lose by asking a slow store, however many calls it makes: past `SPENT_MS` it asks no more. One
 * command that times out after that (35 ms and a little) still ends within 50 ms in all.
 */
const SPENT_MS = 12;

/** How long a request has waited for a store that then had nothing. What found something is a gain. */
export class Patience {
  #spentMs = 0;
  #countedUntil = 0;

  get isSpent(): boolean {
    return this.#spentMs > SPENT_MS;
  }

  /** Waits that overlap count once. Times of `performance.now()`. */
  count(from: number, to: number): void {
    this.#spentMs += Math.max(0, to - Math.max(from, this.#countedUntil));
    this.#countedUntil = Math.max(to, this.#countedUntil);
  }
}

/** One patience per exchange. */
export class Patiences {
  readonly #all = new WeakMap<Exchange, Patience>();

  of(exchange: Exchange): Patience {
    let patience = this.#all.get(exchange);
    if (!patience) this.#all.set(exchange, (patience = new Patience()));
    return patience;
  }
}
