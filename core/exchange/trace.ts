/** One upstream attempt, as a trace shows it. Times are in ms since the request's arrival. */
export interface TraceEntry {
  readonly role: string;
  readonly start_ms: number;
  readonly end_ms: number;
  readonly [fact: string]: unknown;
}

/**
 * One step of the work on a request, as `optigate: { trace: true }` shows it: the request itself, or one run of an
 * approach.
 */
export interface TraceNode {
  /** The approach's slug; at the root the whole expression. */
  readonly approach: string;
  start_ms: number;
  end_ms?: number;
  /** Calls and inner steps, in the order in which they began. */
  readonly steps: readonly (TraceEntry | TraceNode)[];
  /** What the approach noted: scores, votes, which candidate won and why. */
  readonly [fact: string]: unknown;
}

/** Records what a step of the work does. Does nothing unless somebody asked for a trace. */
export interface Trace {
  readonly isOn: boolean;
  /** All upstream attempts of this step and of its inner steps, in the order in which they ended. */
  readonly entries: readonly TraceEntry[];
  readonly facts: Readonly<Record<string, unknown>>;
  /** Records an attempt that is over. */
  add(entry: TraceEntry): void;
  /**
   * Records facts about this step: votes, scores, the winner. Plain data in `snake_case`, with no texts but short final
   * answers.
   */
  note(facts: Readonly<Record<string, unknown>>): void;
  /** Begins a step within this one. */
  step(approach: string, startMs: number): Trace;
  /** Records the end of this step. */
  end(endMs: number): void;
  /** The tree of this step, its calls and its inner steps; undefined if nothing is recorded. */
  toNode(): TraceNode | undefined;
}

/** A trace that records nothing. */
export const NO_TRACE: Trace = Object.freeze({
  isOn: false,
  entries: [],
  facts: {},
  add: () => undefined,
  note: () => undefined,
  step: () => NO_TRACE,
  end: () => undefined,
  toNode: () => undefined,
});

/** How many steps and attempts one trace records at most, so that a runaway approach cannot fill the memory. */
const MAX_STEPS = 2_000;

/** Creates a trace that records. */
export function createTrace(approach = 'none', startMs = 0): Trace {
  return new Recording(approach, startMs, undefined, { left: MAX_STEPS });
}

class Recording implements Trace {
  readonly isOn = true;
  readonly entries: TraceEntry[] = [];
  readonly facts: Record<string, unknown> = {};
  readonly #approach: string;
  readonly #startMs: number;
  #endMs: number | undefined;
  readonly #parent: Recording | undefined;
  /** How many more steps and attempts may be recorded. One object for the whole trace. */
  readonly #room: { left: number };
  readonly #steps: Recording[] = [];
  readonly #own: TraceEntry[] = [];

  constructor(approach: string, startMs: number, parent: Recording | undefined, room: { left: number }) {
    this.#approach = approach;
    this.#startMs = startMs;
    this.#parent = parent;
    this.#room = room;
  }

  add(entry: TraceEntry): void {
    if (!this.#hasRoom()) return;
    this.#own.push(entry);
    this.#enter(entry);
  }

  #enter(entry: TraceEntry): void {
    this.entries.push(entry);
    if (this.#parent) this.#parent.#enter(entry);
  }

  note(facts: Readonly<Record<string, unknown>>): void {
    Object.assign(this.facts, facts);
  }

  step(approach: string, startMs: number): Trace {
    if (!this.#hasRoom()) return NO_TRACE;
    const step = new Recording(approach, startMs, this, this.#room);
    this.#steps.push(step);
    return step;
  }

  end(endMs: number): void {
    this.#endMs = endMs;
  }

  toNode(): TraceNode {
    const steps = [...this.#own, ...this.#steps.map((step) => step.toNode())];
    return {
      approach: this.#approach,
      start_ms: this.#startMs,
      ...(this.#endMs === undefined ? {} : { end_ms: this.#endMs }),
      ...this.facts,
      steps: steps.toSorted((a, b) => a.start_ms - b.start_ms),
    };
  }

  #hasRoom(): boolean {
    this.#room.left--;
    return this.#room.left >= 0;
  }
}
