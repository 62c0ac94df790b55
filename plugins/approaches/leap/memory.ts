/** What was learned in earlier requests. */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Call } from '../../../core/index.ts';
import type { Example } from './examples.ts';

const DAY_MS = 86_400_000;
const MAX_ENTRIES = 10_000;
/** In characters, of each of the two caches. */
const MAX_SIZE = 8_000_000;

/** Two caches of one process, bounded, whose entries last a day. */
export interface Memory {
  /** By the text that they were found in. */
  readonly examples: LRUCache<string, readonly Example[]>;
  /** By the examples that they were learned from. */
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

/** The key that something is kept under: different for each identity, because examples may be private, and each model. */
export function keyOf({ exchange, upstream, request }: Call, ...facts: readonly unknown[]): string {
  const parts = [exchange.identity.id, upstream.name, request.value.model, ...facts];
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64');
}
