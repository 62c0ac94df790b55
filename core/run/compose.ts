import { candidateText, withDraft } from '../approach/conversation.ts';
import { shownOrBest } from '../approach/shown-reply.ts';
import type { Approach, Next } from '../approach/types.ts';
import { toAnswers, wholeCall, wholeReply } from '../approach/whole.ts';
import { GatewayError, gatewayError } from '../errors.ts';
import { GENERATION_ROLES, type Call, type Handler } from '../exchange/exchange.ts';
import type { Allowance } from '../exchange/ledger.ts';
import { onEnd, type CompleteReply, type Reply } from '../exchange/reply.ts';
import { withDeadline } from './deadline.ts';
import { createNext, type Kit } from './next.ts';

/** An approach of a plan with its effective options. */
export interface Step {
  readonly approach: Approach;
  readonly options: object;
  /** What the approach may spend, in addition to the request's limits. Undefined = no limit of its own. */
  readonly allowance?: Allowance | undefined;
  /** From the request's arrival. Undefined = no deadline of its own. */
  readonly deadlineMs?: number | undefined;
}

/**
 * One branch of an expression as one handler. A transformer wraps the steps after it, or with `per: 'call'` each
 * generation call that they make. An answerer's answer becomes a draft for the steps after it. Without steps: `call`.
 */
export function compose(steps: readonly Step[], call: Handler, kit: Kit): Handler {
  const [step, ...rest] = steps;
  if (!step) return call;
  const { approach } = step;
  if (approach.kind === 'transformer') {
    if (approach.per === 'call') return compose(rest, perCall(step, call, kit), kit);
    const following = compose(rest, call, kit);
    const next = createNext(following, kit, rest.length === 0);
    return (given) => runStep(step, given, next, kit);
  }
  const answer: Handler = (given) => runStep(step, given, createNext(call, kit, true), kit);
  return rest.length === 0 ? answer : improving(answer, compose(rest, call, kit));
}

/** Runs an approach within its own limits, as a step of the trace. */
async function runStep(step: Step, given: Call, next: Next, { clock }: Kit): Promise<Reply> {
  const { approach, allowance, deadlineMs } = step;
  const { trace, exchange } = given;
  const now = () => performance.now() - exchange.startedAt;
  const own = trace.isOn ? trace.step(approach.slug, now()) : trace;
  const call = trace.isOn || allowance ? given.with({}, { trace: own, ...(allowance ? { allowance } : {}) }) : given;
  const run = (given: Call) => runApproach(step, given, next);
  try {
    const reply = await (deadlineMs === undefined ? run(call) : withDeadline(run, call, deadlineMs, clock));
    if (trace.isOn) onEnd(reply, () => own.end(now()));
    return reply;
  } catch (error) {
    own.end(now());
    throw error;
  }
}

/** An error that is no `GatewayError` is a bug in the approach: it becomes a `plugin_error` that names the plugin. */
async function runApproach({ approach, options }: Step, call: Call, next: Next): Promise<Reply> {
  try {
    return await approach.run(call, next, options);
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    throw gatewayError('plugin_error', { plugin: approach.plugin }, { cause: error });
  }
}

/** Wraps generation calls only: a prompt of an approach's own, such as a judge's, must not be changed. */
function perCall(step: Step, call: Handler, kit: Kit): Handler {
  const next = createNext(call, kit, true);
  return (given) => (GENERATION_ROLES.has(given.role) ? runStep(step, given, next, kit) : call(given));
}

/** The first handler's answer becomes the second's draft. If the second cannot improve it, the draft is the answer. */
function improving(first: Handler, second: Handler): Handler {
  return async (call) => {
    const draft = await wholeReply(await first(wholeCall(call)), call);
    if (draft.status >= 400) return draft;
    const text = draftText(draft, call);
    if (text === '') return draft;
    return shownOrBest(
      second(call.with({ messages: withDraft(call.request.value.messages, text) })),
      call,
      () => draft,
    );
  };
}

function draftText(reply: CompleteReply, call: Call): string {
  const [answer] = toAnswers(reply, call);
  return answer ? candidateText(answer) : '';
}
