import type { Clock } from '../../core/clock.ts';

/** A clock that stands still until it is moved. Timers run in order of their time, each at its own "now". */
export class SteppedClock implements Clock {
  #now: number;
  #timers: { at: number; callback: () => void }[] = [];
  #waiters: (() => void)[] = [];

  constructor(now = 1_800_000_000_000) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, ms: number): () => void {
    const timer = { at: this.#now + ms, callback };
    this.#timers.push(timer);
    for (const wake of this.#waiters.splice(0)) wake();
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** How far ahead the next timer is, in ms; undefined without one. */
  get nextMs(): number | undefined {
    const times = this.#timers.map(({ at }) => at - this.#now);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  get timers(): number {
    return this.#timers.length;
  }

  /** Resolves when somebody sets a timer. */
  timerSet(): Promise<void> {
    return this.#timers.length > 0 ? Promise.resolve() : new Promise((resolve) => this.#waiters.push(resolve));
  }

  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#timers = this.#timers.filter((other) => other !== due);
      this.#now = due.at;
      due.callback();
    }
    this.#now = end;
  }
}
