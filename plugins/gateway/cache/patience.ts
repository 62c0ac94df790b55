import type { Exchange } from '../../../core/index.ts';

/**
 * How long one request may wait in vain for a slow Redis, over all its calls. After that it asks no more. A command
 * that was sent just before, and times out (after a little more than 35 ms), still ends within 50 ms in all.
 */
const SPENT_MS = 12;

/** Sums up how long a request has waited for Redis without finding an entry. Waits that find one do not count. */
export class Patience {
  #spentMs = 0;
  #countedUntil = 0;

  get isSpent(): boolean {
    return this.#spentMs > SPENT_MS;
  }

  /** Adds a wait, in times of `performance.now()`. Waits that overlap count once. */
  count(from: number, to: number): void {
    this.#spentMs += Math.max(0, to - Math.max(from, this.#countedUntil));
    this.#countedUntil = Math.max(to, this.#countedUntil);
  }
}

/** The patience of each exchange. */
export class Patiences {
  readonly #all = new WeakMap<Exchange, Patience>();

  of(exchange: Exchange): Patience {
    let patience = this.#all.get(exchange);
    if (!patience) this.#all.set(exchange, (patience = new Patience()));
    return patience;
  }
}
