/** One upstream attempt, as a trace shows it. Times in ms from the request's arrival. */
export interface TraceEntry {
  readonly role: string;
  readonly start_ms: number;
  readonly end_ms: number;
  readonly [fact: string]: unknown;
}

/** One step of the work on a request, as `optigate: { trace: true }` shows it: the request itself, or one run of an approach. */
export interface TraceNode {
  /** The approach, the whole expression at the root. */
  readonly approach: string;
  start_ms: number;
  end_ms?: number;
  /** Calls and inner steps, as they began. */
  readonly steps: readonly (TraceEntry | TraceNode)[];
  /** Scores, votes, which candidate won and why: what the approach noted. */
  readonly [fact: string]: unknown;
}

/** Where a step records what it does; does nothing unless somebody asked for a trace. */
export interface Trace {
  readonly isOn: boolean;
  /** All upstream attempts of this step and of those within it, as they ended. */
  readonly entries: readonly TraceEntry[];
  readonly facts: Readonly<Record<string, unknown>>;
  /** Enters an attempt that is over. */
  add(entry: TraceEntry): void;
  /** States facts of this step: votes, scores, the winner. Plain data in `snake_case`, no texts but short final answers. */
  note(facts: Readonly<Record<string, unknown>>): void;
  /** A step within this one. */
  step(approach: string, startMs: number): Trace;
  /** The step is over. */
  end(endMs: number): void;
  toNode(): TraceNode | undefined;
}

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

/** What all steps of one trace may hold together, so that a runaway approach cannot fill the memory. */
const MAX_STEPS = 2_000;

/** A trace that records. */
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
