import { LRUCache } from 'lru-cache';
import type { Clock } from '../../../core/index.ts';
import { sizeOf, type Entry } from './entry.ts';

/** Answers in this process, bounded by bytes: the least recently used go first. */
export class MemoryStore {
  readonly maxBytes: number;
  readonly #entries: LRUCache<string, Entry>;
  readonly #clock: Clock;

  constructor(maxBytes: number, clock: Clock) {
    this.maxBytes = maxBytes;
    this.#entries = new LRUCache({ maxSize: maxBytes, sizeCalculation: sizeOf });
    this.#clock = clock;
  }

  get(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (!entry || entry.expiresAt > this.#clock.now()) return entry;
    this.#entries.delete(key);
    return undefined;
  }

  /** Larger ones than the whole store are not taken. */
  set(key: string, entry: Entry): void {
    this.#entries.set(key, entry);
  }
}
