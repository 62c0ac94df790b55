/** One upstream call, or one note of an approach, as `optigate: { trace: true }` shows them. Times in ms from arrival. */
export interface TraceEntry {
  readonly role: string;
  readonly startMs: number;
  endMs?: number;
  readonly [fact: string]: unknown;
}

/** What an exchange did, recorded only when somebody asked for it. */
export interface Trace {
  readonly isOn: boolean;
  readonly entries: readonly TraceEntry[];
  /** Adds an entry and returns it, to be completed (`endMs`, usage, scores) by whoever added it. */
  add(entry: TraceEntry & Record<string, unknown>): TraceEntry & Record<string, unknown>;
  /** States a fact of the whole exchange: votes, scores, `degraded`. */
  note(facts: Readonly<Record<string, unknown>>): void;
  readonly facts: Readonly<Record<string, unknown>>;
}

export const NO_TRACE: Trace = Object.freeze({
  isOn: false,
  entries: [],
  facts: {},
  add: (entry: TraceEntry & Record<string, unknown>) => entry,
  note: () => undefined,
});

/** A trace that records; bounded, so that a runaway approach cannot fill the memory. */
export function createTrace(maxEntries = 2_000): Trace {
  const entries: (TraceEntry & Record<string, unknown>)[] = [];
  const facts: Record<string, unknown> = {};
  return {
    isOn: true,
    entries,
    facts,
    add(entry) {
      if (entries.length < maxEntries) entries.push(entry);
      return entry;
    },
    note: (more) => void Object.assign(facts, more),
  };
}
