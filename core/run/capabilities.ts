import { LRUCache } from 'lru-cache';
import type { Call } from '../exchange/exchange.ts';

const HOUR_MS = 3_600_000;

/**
 * Which request fields each model of each upstream accepts, learned from its answers. A record lasts an hour, and there
 * are at most 10,000.
 */
export class Capabilities {
  readonly #records: LRUCache<string, boolean>;

  /** @param now  Milliseconds; tests pass a clock of their own. */
  constructor(now?: () => number) {
    this.#records = new LRUCache({ max: 10_000, ttl: HOUR_MS, ...(now ? { perf: { now }, ttlResolution: 0 } : {}) });
  }

  /** Undefined = not known. `field` is a request's field, or `prefill`: a last message of the assistant's. */
  takes(call: Call, field: string): boolean | undefined {
    return this.#records.get(keyOf(call, field));
  }

  learn(call: Call, field: string, isTaken: boolean): void {
    this.#records.set(keyOf(call, field), isTaken);
  }
}

function keyOf({ upstream, request }: Call, field: string): string {
  return `${upstream.name}\0${request.value.model}\0${field}`;
}
