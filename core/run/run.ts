import { seedAt } from '../approach/fan-out.ts';
import { JoinedStream } from '../approach/joined-stream.ts';
import { reportLostStage } from '../approach/losses.ts';
import { completionOf, wholeReply } from '../approach/whole.ts';
import type { Clock } from '../clock.ts';
import type { Call, Handler, Plan, StreamStamp } from '../exchange/exchange.ts';
import type { Budget } from '../exchange/ledger.ts';
import { SILENT } from '../exchange/progress.ts';
import { streamReply, type CompleteReply, type Reply } from '../exchange/reply.ts';
import { extensionOf } from '../exchange/trace-summary.ts';
import { UpstreamRefusal } from '../upstream/refusal.ts';
import { withReasoningTokens } from '../wire/usage.ts';
import { countingChoices } from './choices.ts';
import { compose, type Step } from './compose.ts';
import { bounded, withDeadline } from './deadline.ts';
import { createStamp, runBranches, stamped, type Branch } from './merge.ts';
import type { Kit } from './next.ts';
import { reduceBranches, type Reducer } from './reduce.ts';
import { leavingOutRefused, renamableLimit } from './refused-fields.ts';
import { hasReasoning, withoutRefusedReasoning } from './refused-reasoning.ts';
import { withoutRefusedSystem } from './system-role.ts';

export type { Step } from './compose.ts';
export { createStamp } from './merge.ts';

/** What a plan's run is made of. */
export interface RunInit {
  /** The steps of each branch of `|`; a branch without steps is the plain call. */
  readonly branches: readonly (readonly Step[])[];
  /** Does the plan make at most one upstream call per choice? */
  readonly isSingleCall: boolean;
  readonly clock: Clock;
  readonly kit: Kit;
  readonly budget: Budget;
  /** `n: top`: an approach that selects returns the n best of one pool, instead of running n times. */
  readonly isTop: boolean;
  /** How the branches of `a|b` become one choice; undefined = each branch is a choice. */
  readonly reduce?: Reducer | undefined;
  /** Undefined = made when it is needed: the plain call's chunks keep the upstream's own id and time. */
  readonly stamp: StreamStamp | undefined;
}

/** The distance between the seeds of a plan's runs: large enough that the seeds of their samples do not overlap. */
const SEEDS_PER_RUN = 128;

/** Makes `Plan.run`: runs the plan's approaches, each of whose calls goes to `next`, the upstream layers. */
export function createRun(init: RunInit): Plan['run'] {
  const { clock, budget } = init;
  const isPlain = init.branches.length === 1 && init.branches[0]?.length === 0;
  const run = init.isSingleCall ? runSingle(init) : runMany(init);
  return (call, next) => {
    const isUntouched = isPlain && (call.request.value.n ?? 1) === 1 && !isShown(call);
    if (isUntouched && renamableLimit(call) === undefined && !hasReasoning(call))
      return budget.deadlineMs === undefined ? next(call) : bounded(next, call, budget.deadlineMs, clock);
    const runPlan: Handler = (given) => passingRefusals(run(given, next));
    return budget.deadlineMs === undefined ? runPlan(call) : withDeadline(runPlan, call, budget.deadlineMs, clock);
  };
}

type Run = (call: Call, next: Handler) => Promise<Reply>;

/** Runs a plan of at most one call per choice: the client's `n` and the upstream's bytes pass through. */
function runSingle({ branches, kit, clock, stamp }: RunInit): Run {
  const [steps = []] = branches;
  return async (call, next) => {
    let callsMade = 0;
    const counted: Handler = (given) => {
      callsMade++;
      return next(given);
    };
    const single = adapted(counted, kit);
    const newStamp = (given: Call) => stamp ?? createStamp(given.request.value.model, clock);
    const reply = await compose(steps, countingChoices(single, kit.capabilities, newStamp), kit)(call);
    if (reply.status >= 400) return reply;
    // With more than one call (a repeat without a refused field, single calls for `n`), the usage is that of all calls.
    const made = callsMade > 1 && reply.kind === 'complete' ? stamped(reply, call, newStamp(call)) : reply;
    const whole = steps.length > 0 && made.kind === 'complete' ? withReasoning(made) : made;
    return isShown(call) ? withExtension(whole, call, undefined) : whole;
  };
}

/** Runs a plan of several calls: each branch of `|` `n` times, all at once, merged into one answer. */
function runMany({ branches, kit, clock, stamp, isTop, reduce }: RunInit): Run {
  return async (given, next) => {
    const handler = adapted(next, kit);
    const { n } = given.request.value;
    const isPool = isTop && branches.length === 1 && branches[0]?.at(-1)?.approach.selects === true;
    const repeats = isPool ? 1 : (n ?? 1);
    const call = n === undefined || isPool ? given : given.with({ n: undefined });
    const ownStamp = stamp ?? createStamp(call.request.value.model, clock);
    const handlers = branches.map((steps) => ({ steps, run: compose(steps, handler, kit) }));
    const [only] = handlers;
    if (only && handlers.length === 1 && repeats === 1) {
      const reply = await only.run(call);
      if (isPool) noteMissing(reply, call);
      return withExtension(reply, call, ownStamp);
    }

    const label = (steps: readonly Step[]) => (branches.length === 1 ? undefined : labelOf(steps));
    const runs = Array.from({ length: repeats }, (_, k) =>
      handlers.map(({ steps, run }): Branch => ({ start: (one) => run(callOfRun(one, k)), label: label(steps) })),
    );
    const isReduced = reduce !== undefined && branches.length > 1;
    const reduced = (run: readonly Branch[]): Branch => ({
      start: (one) => reduceBranches(run, one, { by: reduce ?? 'vote', handler, stamp: ownStamp }),
    });
    const extension = () => extensionOf(call.exchange);
    const reply = await runBranches(isReduced ? runs.map(reduced) : runs.flat(), call, {
      stamp: ownStamp,
      isRanked: branches.length === 1,
      extension,
    });
    return reply.kind === 'complete' ? withExtension(reply, call, ownStamp) : reply;
  };
}

/** Leaves out, or puts elsewhere, what approaches add and the model refuses, and what clients cannot know better. */
function adapted(next: Handler, { capabilities }: Kit): Handler {
  const handler = withoutRefusedReasoning(withoutRefusedSystem(next, capabilities), capabilities);
  return leavingOutRefused(handler, capabilities);
}

/** The answer of an approach with `reasoning_tokens` in its usage, if it has one. */
function withReasoning(reply: CompleteReply): CompleteReply {
  const { usage } = reply.body.value;
  const whole = usage ? withReasoningTokens(usage) : usage;
  return whole === usage ? reply : { ...reply, body: reply.body.with({ usage: whole }) };
}

/** Reports it if a pool had fewer usable answers than the client wants choices. */
function noteMissing(reply: Reply, call: Call): void {
  if (reply.kind !== 'complete' || reply.status >= 400) return;
  if (completionOf(reply, call).choices.length < (call.request.value.n ?? 1))
    reportLostStage(call.exchange, 'choices_missing');
}

/** Does the client want the trace in its answer? */
function isShown({ exchange }: Call): boolean {
  return exchange.plan?.wantsTrace === true;
}

function labelOf(steps: readonly Step[]): string {
  return steps.length === 0 ? 'none' : steps.map(({ approach }) => approach.slug).join('&');
}

/**
 * The call for the given run, counted from 0: with a seed of the run's own if the client gave one. Only the first run
 * reports progress, or the client would read the same steps again and again.
 */
function callOfRun(call: Call, run: number): Call {
  if (run === 0) return call.again();
  const { seed } = call.request.value;
  const silent = { progress: SILENT };
  return typeof seed === 'number' ? call.with({ seed: seedAt(seed, run * SEEDS_PER_RUN) }, silent) : call.again(silent);
}

/** A refusal that an approach threw becomes the answer, as the upstream wrote it. */
async function passingRefusals(running: Promise<Reply>): Promise<Reply> {
  try {
    return await running;
  } catch (error) {
    if (error instanceof UpstreamRefusal) return error.reply;
    throw error;
  }
}

/** Adds the trace if the client asked for it and, with a stamp, the plan's own id and the usage of all calls. */
async function withExtension(reply: Reply, call: Call, stamp: StreamStamp | undefined): Promise<Reply> {
  if (reply.status >= 400) return reply;
  if (reply.kind === 'stream') {
    const joined = new JoinedStream({ call, stamp, extension: () => extensionOf(call.exchange) });
    joined.add({ reply });
    joined.close();
    return { ...streamReply(joined.body), headers: reply.headers };
  }
  const whole: CompleteReply = await wholeReply(reply, call);
  const made = stamp ? stamped(whole, call, stamp) : whole;
  const extension = extensionOf(call.exchange);
  return extension ? { ...made, body: made.body.with(extension) } : made;
}
