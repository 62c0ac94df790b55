import type { Exchange } from './exchange.ts';
import type { TraceEntry, TraceNode } from './trace.ts';

/** The fields that `optigate: { trace: true }` adds to an answer; undefined if the client did not ask for them. */
export function extensionOf(exchange: Exchange): Readonly<Record<string, unknown>> | undefined {
  return exchange.plan?.wantsTrace === true ? { optigate: traceOf(exchange) } : undefined;
}

/**
 * What an exchange did: its expression, the number of requests sent and of rounds, the facts noted about the whole
 * (such as what was lost), the findings of each approach (under its name), and the tree of its steps and calls.
 */
export function traceOf({ trace, ledger, plan }: Exchange): Readonly<Record<string, unknown>> {
  const node = trace.toNode();
  return {
    approach: plan?.approach ?? 'none',
    calls: ledger.requests,
    // The calls that the cache answered took no time.
    rounds: roundsOf(trace.entries.filter(({ cache }) => cache !== 'hit')),
    ...trace.facts,
    ...(node ? findings(node) : {}),
    trace: node,
  };
}

/** By the name of each approach, the facts of its first step that has any. */
function findings(root: TraceNode): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  const visit = (node: TraceNode) => {
    for (const step of node.steps) {
      if (!isNode(step)) continue;
      const { approach, start_ms: _start, end_ms: _end, steps: _steps, ...facts } = step;
      if (Object.keys(facts).length > 0) found[approach] ??= facts;
      visit(step);
    }
  };
  visit(root);
  return found;
}

function isNode(step: TraceEntry | TraceNode): step is TraceNode {
  return 'steps' in step;
}

/** Length of the longest chain of calls in which each began after the one before had ended. */
export function roundsOf(entries: readonly Pick<TraceEntry, 'start_ms' | 'end_ms'>[]): number {
  let rounds = 0;
  let lastEnd = -Infinity;
  for (const { start_ms, end_ms } of entries.toSorted((a, b) => a.end_ms - b.end_ms)) {
    if (start_ms < lastEnd) continue;
    rounds++;
    lastEnd = end_ms;
  }
  return rounds;
}
