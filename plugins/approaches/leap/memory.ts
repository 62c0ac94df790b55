import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Call } from '../../../core/index.ts';
import type { Example } from './examples.ts';

const DAY_MS = 86_400_000;
const MAX_ENTRIES = 10_000;
/** Characters, of each of the two. */
const MAX_SIZE = 8_000_000;

/** What was learned, for a day, bounded: examples by the text they were found in, principles by the examples. Per process. */
export interface Memory {
  readonly examples: LRUCache<string, readonly Example[]>;
  readonly principles: LRUCache<string, readonly string[]>;
}

/** @param now  Milliseconds, for tests that step time. */
export function createMemory(now?: () => number): Memory {
  return { examples: forADay(now), principles: forADay(now) };
}

function forADay<V extends object>(now: (() => number) | undefined): LRUCache<string, V> {
  return new LRUCache<string, V>({
    max: MAX_ENTRIES,
    maxSize: MAX_SIZE,
    sizeCalculation: (value) => JSON.stringify(value).length,
    ttl: DAY_MS,
    ...(now ? { perf: { now }, ttlResolution: 0 } : {}),
  });
}

/** Where something is kept: apart for each identity, since examples may be private, and for each model. */
export function keyOf({ exchange, upstream, request }: Call, ...facts: readonly unknown[]): string {
  const parts = [exchange.identity.id, upstream.name, request.value.model, ...facts];
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64');
}
