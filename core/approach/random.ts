/** Random choices that repeat with the request. */
import { createHash } from 'node:crypto';
import type { Call } from '../exchange/exchange.ts';

/**
 * The generator of the random choices in one run of an approach. A repeated request gets the same choices, so that it
 * makes the same calls and finds them in the cache. Another `seed` of the client changes them, and so does each of several
 * runs (`n`). Create it at the start of the run, from the call that `run` was given.
 * @param place  Names the part of the run that uses it. Parts that run at the same time need a generator each: with a
 *   shared one, the order in which answers arrive would change the choices.
 */
export function randomOf(call: Call, ...place: readonly (string | number)[]): Random {
  return new Random(call.digest, call.ordinal, ...place);
}

/** A generator of random numbers: the same numbers for the same seed. */
export class Random {
  #state: number;

  constructor(...seed: readonly (string | number)[]) {
    this.#state = createHash('sha256').update(JSON.stringify(seed)).digest().readUInt32LE();
  }

  /** A number in [0, 1). The algorithm is mulberry32: small, and good enough to draw samples with. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number in [0, `end`). */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  /** True with this probability, in [0, 1]. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** One of `items`; undefined only if there are none. */
  pick<T>(items: readonly T[]): T | undefined {
    return items[this.below(items.length)];
  }

  /** `count` different ones of `items`, or all if there are fewer, in the order of `items`. */
  subset<T>(items: readonly T[], count: number): T[] {
    let wanted = Math.min(count, items.length);
    return items.filter((_, index) => {
      const isTaken = this.below(items.length - index) < wanted;
      if (isTaken) wanted--;
      return isTaken;
    });
  }
}
