import { LRUCache } from 'lru-cache';
import type { Clock } from '../../../core/index.ts';
import { sizeOf, type Entry } from './entry.ts';

/** Entries in this process, up to `maxBytes` in all: the least recently used ones are dropped first. */
export class MemoryStore {
  readonly maxBytes: number;
  readonly #entries: LRUCache<string, Entry>;
  readonly #clock: Clock;

  constructor(maxBytes: number, clock: Clock) {
    this.maxBytes = maxBytes;
    this.#entries = new LRUCache({ maxSize: maxBytes, sizeCalculation: sizeOf });
    this.#clock = clock;
  }

  /** Undefined if there is none, or it has expired. */
  get(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (!entry || entry.expiresAt > this.#clock.now()) return entry;
    this.#entries.delete(key);
    return undefined;
  }

  /** Does not store an entry that is larger than the whole store. */
  set(key: string, entry: Entry): void {
    this.#entries.set(key, entry);
  }
}
