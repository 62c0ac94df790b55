import { LRUCache } from 'lru-cache';
import type { Call } from '../exchange/exchange.ts';

const HOUR_MS = 3_600_000;
/** How many records there are, and the longest model's name that gets one. Clients can invent names. */
const REMEMBERED = { records: 10_000, length: 256 };

/** How many choices one call of a model brings. */
interface Choices {
  /** The largest `n` that was honoured. */
  readonly honoured: number;
  /** The smallest that was refused or brought too few; Infinity if none was. */
  readonly refused: number;
}

/**
 * Which request fields each model of each upstream accepts, and how many choices it gives, learned from its answers. A
 * record lasts an hour, and there are at most 10,000. One caller's request decides for those of all others, so learn only
 * what a repeat has proven: the call failed with the field and succeeded without it.
 */
export class Capabilities {
  readonly #refused: LRUCache<string, true>;
  readonly #choices: LRUCache<string, Choices>;

  /** @param now  Milliseconds; tests pass a clock of their own. */
  constructor(now?: () => number) {
    const max = REMEMBERED.records / 2;
    const clock = now ? { perf: { now }, ttlResolution: 0 } : {};
    this.#refused = new LRUCache({ max, ttl: HOUR_MS, ...clock });
    this.#choices = new LRUCache({ max, ttl: HOUR_MS, ...clock });
  }

  /** Is the field known to be refused? `field` is a request's field, or `prefill`: a last message of the assistant's. */
  refuses(call: Call, field: string): boolean {
    return this.#refused.has(keyOf(call, field));
  }

  learnRefused(call: Call, field: string): void {
    if (isNamedShortly(call)) this.#refused.set(keyOf(call, field), true);
  }

  /** Does one call bring `n` choices? Undefined = not known: more were honoured never, fewer were refused never. */
  takesN(call: Call, n: number): boolean | undefined {
    const known = this.#choices.get(choicesKeyOf(call));
    if (!known) return undefined;
    if (n <= known.honoured) return true;
    return n >= known.refused ? false : undefined;
  }

  learnN(call: Call, n: number, isTaken: boolean): void {
    if (!isNamedShortly(call)) return;
    const key = choicesKeyOf(call);
    const { honoured, refused } = this.#choices.get(key) ?? { honoured: 1, refused: Infinity };
    const choices = isTaken
      ? { honoured: Math.max(honoured, n), refused: refused <= n ? Infinity : refused }
      : { honoured: Math.min(honoured, n - 1), refused: Math.min(refused, n) };
    this.#choices.set(key, choices);
  }
}

function keyOf({ upstream, request }: Call, field: string): string {
  return `${upstream.name}\0${request.value.model}\0${field}`;
}

/** Some servers (vLLM) refuse `n` only where the temperature is 0. */
function choicesKeyOf(call: Call): string {
  return keyOf(call, call.request.value.temperature === 0 ? 'n, greedy' : 'n');
}

function isNamedShortly({ request }: Call): boolean {
  return request.value.model.length <= REMEMBERED.length;
}
