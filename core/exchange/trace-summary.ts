import type { Exchange } from './exchange.ts';
import type { TraceEntry, TraceNode } from './trace.ts';

/** What `optigate: { trace: true }` adds to an answer; undefined where nobody asked. */
export function extensionOf(exchange: Exchange): Readonly<Record<string, unknown>> | undefined {
  return exchange.plan?.wantsTrace === true ? { optigate: traceOf(exchange) } : undefined;
}

/**
 * What an exchange did: the expression, the calls sent, the rounds, what went less well, what each approach found (under
 * its name), and the tree of its steps and calls.
 */
export function traceOf({ trace, ledger, plan }: Exchange): Readonly<Record<string, unknown>> {
  const node = trace.toNode();
  return {
    approach: plan?.approach ?? 'none',
    calls: ledger.requests,
    // A call that the cache answered was not waited for.
    rounds: roundsOf(trace.entries.filter(({ cache }) => cache !== 'hit')),
    ...trace.facts,
    ...(node ? findings(node) : {}),
    trace: node,
  };
}

/** The facts of the first step of each approach, by its name. */
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

/** The most calls of which each began after the one before had ended: how often somebody waited. */
export function roundsOf(entries: readonly Pick<TraceEntry, 'start_ms' | 'end_ms'>[]): number {
  let rounds = 0;
  let free = -Infinity;
  for (const { start_ms, end_ms } of entries.toSorted((a, b) => a.end_ms - b.end_ms)) {
    if (start_ms < free) continue;
    rounds++;
    free = end_ms;
  }
  return rounds;
}
