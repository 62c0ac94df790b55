/** Whole answers, one or several, each by a call or by one call with `n`. */
import { sideBySide, strictly, seedAt, type FanOutcome, outcomeOf } from '../approach/fan-out.ts';
import { refusesClientsField } from '../approach/losses.ts';
import type { Answer, SampleOptions } from '../approach/types.ts';
import { toAnswers, wholeCall, wholeReply } from '../approach/whole.ts';
import { gatewayError } from '../errors.ts';
import type { Call, Handler } from '../exchange/exchange.ts';
import type { Reply } from '../exchange/reply.ts';
import { UpstreamRefusal } from '../upstream/refusal.ts';
import type { Capabilities } from './capabilities.ts';

/** Statuses that may mean that the model refuses `n`. */
const MAY_REFUSE_N: ReadonlySet<number> = new Set([400, 404, 422]);

/** Makes a call and reads its answer whole, one `Answer` per choice. Throws the upstream's refusal. */
export async function ask(call: Call, handler: Handler): Promise<readonly Answer[]> {
  const reply = await wholeReply(await handler(call), call);
  if (reply.status >= 400) throw new UpstreamRefusal(reply, call.upstream.name);
  return toAnswers(reply, call);
}

/** One call and the first choice of its reply. Throws an upstream's error answer, and a 502 if there is no choice. */
export async function askOne(call: Call, handler: Handler): Promise<Answer> {
  const [answer] = await ask(call, handler);
  if (answer) return answer;
  throw gatewayError('upstream_error', { upstream: call.upstream.name, detail: 'answered without a choice' });
}

/**
 * `count` samples at the latency of one: a single call with `n` if the model honours it, else calls side by side.
 * Whether it does is learned from its first answer and remembered. Failed samples are dropped; throws if none is left.
 * @param capabilities  Undefined if `handler` is more than an upstream call: then each sample is a run of its own.
 */
export async function sample(
  call: Call,
  count: number,
  handler: Handler,
  capabilities: Capabilities | undefined,
  options: SampleOptions = {},
): Promise<readonly Answer[]> {
  const takesN = capabilities?.takesN(call, count);
  // Do not try `n` with the budget's last call: if it were refused, there would be no answer at all.
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
    if (outcome.answers.length > 0) capabilities.learnN(call, count, false);
    return strictly(outcome, call);
  }
  const missing = count - answers.length;
  if (missing <= 0) {
    capabilities.learnN(call, count, true);
    return answers.slice(0, count);
  }
  // One more than it brought would have been too many.
  capabilities.learnN(call, Math.max(answers.length, 1) + 1, false);
  if (options.until?.(answers)) {
    options.onAbort?.(missing);
    return answers;
  }
  const { until } = options;
  const untilAll = until ? { ...options, until: (more: readonly Answer[]) => until([...answers, ...more]) } : options;
  const more = await singles(call, answers.length, missing, handler, untilAll);
  return strictly({ ...more, answers: [...answers, ...more.answers] }, call);
}

/** May the error be a refusal of `n`? No if the refusal names a field that the client sent. */
export function mayRefuseN(error: unknown, call: Call): boolean {
  return error instanceof UpstreamRefusal && isRefusalOfN(error.reply, call);
}

/** The same for a reply. It need not name `n`: a 400, 404 or 422 counts unless it names a field of the client's. */
export function isRefusalOfN(reply: Reply, call: Call): boolean {
  return reply.kind === 'complete' && MAY_REFUSE_N.has(reply.status) && !refusesClientsField(reply, call);
}

/** The i-th of several single calls, with a seed of its own if the client gave one. */
export function singleCall(call: Call, index: number): Call {
  const { seed } = call.request.value;
  const single = wholeCall(call);
  return typeof seed === 'number' && index > 0 ? single.with({ seed: seedAt(seed, index) }) : single;
}

/** Makes calls side by side. Failed ones are dropped; once `until` returns true, the rest is aborted. */
async function singles(
  call: Call,
  from: number,
  count: number,
  handler: Handler,
  { until, onAbort }: SampleOptions = {},
): Promise<FanOutcome> {
  const calls = Array.from({ length: count }, (_, i) => singleCall(call, from + i));
  const firstChoice = async (single: Call) => (await ask(single, handler))[0];
  const { results, aborted } = await sideBySide(
    call,
    calls,
    firstChoice,
    until && ((soFar) => until(outcomeOf(soFar).answers)),
  );
  if (aborted > 0) onAbort?.(aborted);
  return outcomeOf(results);
}
