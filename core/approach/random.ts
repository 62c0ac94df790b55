import type { Call } from '../exchange/exchange.ts';
import { createHash } from 'node:crypto';

/**
 * The generator of all random choices that a run of an approach makes. A request that is repeated makes the same ones, so
 * that its calls are the same and the cache has them; the client's `seed`, being part of the request, changes them, and
 * so does each of several runs (`n`). Take it first, from the call that `run` was given.
 * @param place  Where in the run it is used. What runs at the same time takes a generator each, or the order in which
 *   answers arrive would decide.
 */
export function randomOf(call: Call, ...place: readonly (string | number)[]): Random {
  return new Random(call.digest, call.ordinal, ...place);
}

/** Random numbers that repeat: the same ones for the same seed. */
export class Random {
  #state: number;

  constructor(...seed: readonly (string | number)[]) {
    this.#state = createHash('sha256').update(JSON.stringify(seed)).digest().readUInt32LE();
  }

  /** A number in [0, 1). mulberry32: small, and good enough to draw samples with. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** One of `items`; undefined only where there are none. */
  pick<T>(items: readonly T[]): T | undefined {
    return items[this.below(items.length)];
  }

  /** `count` different ones of `items`, or all where there are fewer, in the order of `items`. */
  subset<T>(items: readonly T[], count: number): T[] {
    let wanted = Math.min(count, items.length);
    return items.filter((_, index) => {
      const isTaken = this.below(items.length - index) < wanted;
      if (isTaken) wanted--;
      return isTaken;
    });
  }
}
