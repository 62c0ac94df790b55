import type { Exchange } from '../exchange.ts';
import type { TraceEntry } from '../trace.ts';

/** What `optigate: { trace: true }` adds to an answer; undefined where nobody asked. */
export function extensionOf(exchange: Exchange): Readonly<Record<string, unknown>> | undefined {
  const { trace, ledger, plan } = exchange;
  if (!trace.isOn) return undefined;
  return {
    optigate: {
      approach: plan?.approach ?? 'none',
      calls: ledger.requests,
      rounds: roundsOf(trace.entries),
      ...trace.facts,
      trace: trace.entries,
    },
  };
}

/** The most calls of which each began after the one before had ended: how often somebody waited. */
export function roundsOf(entries: readonly Pick<TraceEntry, 'startMs' | 'endMs'>[]): number {
  let rounds = 0;
  let free = -Infinity;
  const byEnd = entries.filter(({ endMs }) => endMs !== undefined).toSorted((a, b) => (a.endMs ?? 0) - (b.endMs ?? 0));
  for (const { startMs, endMs = 0 } of byEnd) {
    if (startMs < free) continue;
    rounds++;
    free = endMs;
  }
  return rounds;
}
