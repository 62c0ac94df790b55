import type { Call, Handler } from '../exchange/exchange.ts';
import type { Reply } from '../exchange/reply.ts';
import { UpstreamRefusal } from '../upstream/refusal.ts';
import { type Capabilities } from './capabilities.ts';
import { sideBySide, strictly, seedAt, type FanOutcome, outcomeOf } from '../approach/fan-out.ts';
import type { Answer, SampleOptions } from '../approach/types.ts';
import { toAnswers, wholeCall, wholeReply } from '../approach/whole.ts';
import { refusesClientsField } from '../approach/losses.ts';

/** Statuses that may mean "no `n` here". */
const MAY_REFUSE_N: ReadonlySet<number> = new Set([400, 404, 422]);

/** One whole answer, with all its choices. Throws an upstream's refusal. */
export async function ask(call: Call, handler: Handler): Promise<readonly Answer[]> {
  const reply = await wholeReply(await handler(call), call);
  if (reply.status >= 400) throw new UpstreamRefusal(reply, call.upstream.name);
  return toAnswers(reply, call);
}

/**
 * `count` samples at the latency of one: a single call with `n` where the model honours it, else calls side by side. What
 * a model does with `n` is learnt from its first answer and remembered.
 * @param capabilities  Undefined where `handler` is more than an upstream call: each sample is then a run of its own.
 */
export async function sample(
  call: Call,
  count: number,
  handler: Handler,
  capabilities: Capabilities | undefined,
  options: SampleOptions = {},
): Promise<readonly Answer[]> {
  const takesN = capabilities?.takes(call, 'n');
  // The budget's last call is no probe: a refusal of it would leave no answer at all.
  const isLast = takesN === undefined && call.callsLeft === 1;
  if (count <= 1 || !capabilities || takesN === false || isLast) {
    return strictly(await singles(call, 0, Math.max(count, 1), handler, options), call);
  }
  const probe = wholeCall(call).with({ n: count });
  let answers: readonly Answer[];
  try {
    answers = await ask(probe, handler);
  } catch (error) {
    if (!mayRefuseN(error, call)) throw error;
    const outcome = await singles(call, 0, count, handler, options);
    if (outcome.answers.length > 0) capabilities.learn(call, 'n', false);
    return strictly(outcome, call);
  }
  capabilities.learn(call, 'n', answers.length >= count);
  const missing = count - answers.length;
  if (missing <= 0) return answers.slice(0, count);
  if (options.until?.(answers)) {
    options.onAbort?.(missing);
    return answers;
  }
  const { until } = options;
  const withThose = until ? { ...options, until: (more: readonly Answer[]) => until([...answers, ...more]) } : options;
  const more = await singles(call, answers.length, missing, handler, withThose);
  return strictly({ ...more, answers: [...answers, ...more.answers] }, call);
}

/** Is it worth asking again without `n`? Not where the refusal names a field that the client sent. */
export function mayRefuseN(error: unknown, call: Call): boolean {
  return error instanceof UpstreamRefusal && isRefusalOfN(error.reply, call);
}

export function isRefusalOfN(reply: Reply, call: Call): boolean {
  return reply.kind === 'complete' && MAY_REFUSE_N.has(reply.status) && !refusesClientsField(reply, call);
}

/** The i-th of several single calls: a sample of its own, with a seed of its own where the client gave one. */
export function singleCall(call: Call, index: number): Call {
  const { seed } = call.request.value;
  const single = wholeCall(call);
  return typeof seed === 'number' && index > 0 ? single.with({ seed: seedAt(seed, index) }) : single;
}

/** Calls side by side; failed ones are dropped, and once `until` is content the rest is aborted. */
async function singles(
  call: Call,
  from: number,
  count: number,
  handler: Handler,
  { until, onAbort }: SampleOptions = {},
): Promise<FanOutcome> {
  const calls = Array.from({ length: count }, (_, i) => singleCall(call, from + i));
  const first = async (single: Call) => (await ask(single, handler))[0];
  const { results, aborted } = await sideBySide(
    call,
    calls,
    first,
    until && ((soFar) => until(outcomeOf(soFar).answers)),
  );
  if (aborted > 0) onAbort?.(aborted);
  return outcomeOf(results);
}
