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
    rounds: roundsOf(node?.steps ?? []),
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

/** What `roundsOf` reads of a call, or of an inner step with its calls. */
export interface TimedStep {
  readonly start_ms: number;
  /** Undefined = not over. */
  readonly end_ms?: number;
  readonly steps?: readonly TimedStep[] | undefined;
  readonly cache?: unknown;
  readonly aborted?: unknown;
}

/**
 * Length of the longest chain of calls that waited for each other. A step is taken to have waited for the one that ended
 * last before it began, and, if no other was open then, for all before. Calls that the cache answered do not count, nor
 * those that were aborted: nobody waited for them.
 */
export function roundsOf(steps: readonly TimedStep[]): number {
  const timed = steps.flatMap((step) => {
    const rounds = step.steps ? roundsOf(step.steps) : isWaitedFor(step) ? 1 : 0;
    return rounds === 0 ? [] : [{ start: step.start_ms, end: step.end_ms ?? Infinity, rounds, depth: 0 }];
  });
  const events = timed.flatMap((step) => {
    // Of events at one time, ends come first; but a step without a duration begins before it ends.
    const end = { at: step.end, order: step.start === step.end ? 2 : 0, step, isEnd: true };
    return [{ at: step.start, order: 1, step, isEnd: false }, end];
  });
  let open = 0;
  let deepest = 0;
  let last = { at: -Infinity, depth: 0 };
  for (const { at, step, isEnd } of events.toSorted((a, b) => a.at - b.at || a.order - b.order)) {
    if (!isEnd) {
      open++;
      step.depth = last.depth + step.rounds;
      continue;
    }
    open--;
    deepest = Math.max(deepest, step.depth);
    const ended = last.at === at ? Math.max(last.depth, step.depth) : step.depth;
    last = { at, depth: open === 0 ? deepest : ended };
  }
  return deepest;
}

function isWaitedFor({ cache, aborted }: TimedStep): boolean {
  return cache !== 'hit' && aborted !== true;
}
