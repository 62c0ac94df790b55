import type { Call, Handler } from '../exchange.ts';
import type { Reply } from '../reply.ts';
import { firstByRank, UpstreamRefusal } from '../upstream/refusal.ts';
import { degradeByLimit } from './candidates.ts';
import { refusesClientsField, type Capabilities } from './capabilities.ts';
import { childSignal } from './child-signal.ts';
import type { Answer, SampleOptions } from './types.ts';
import { toAnswers, wholeCall, wholeReply } from './whole.ts';

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
  if (count <= 1 || !capabilities || capabilities.takes(call, 'n') === false) {
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
  if (answers.length >= count || options.until?.(answers)) return answers.slice(0, count);
  const more = await singles(call, answers.length, count - answers.length, handler);
  return [...answers, ...more.answers];
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

/** Seeds beyond the exact integers stay as they are: adding to them would change nothing, or the wrong digits. */
export function seedAt(seed: number, index: number): number {
  return Number.isSafeInteger(seed + index) ? seed + index : seed;
}

interface Outcome {
  readonly answers: readonly Answer[];
  readonly failures: readonly unknown[];
}

function strictly({ answers, failures }: Outcome, { exchange }: Call): readonly Answer[] {
  for (const failure of failures) if (answers.length > 0) degradeByLimit(failure, exchange);
  if (answers.length === 0 && failures.length > 0) throw firstByRank(failures);
  return answers;
}

/** Calls side by side; failed ones are dropped, and once `until` is content the rest is aborted. */
function singles(
  call: Call,
  from: number,
  count: number,
  handler: Handler,
  options: SampleOptions = {},
): Promise<Outcome> {
  const slots = Array<Answer | undefined>(count).fill(undefined);
  const failures: unknown[] = [];
  const group = options.until && childSignal(call.signal);
  const answers = () => slots.filter((answer) => answer !== undefined);
  return new Promise((resolve) => {
    let open = count;
    let isOver = false;
    const settle = () => {
      open--;
      if (isOver || (open > 0 && !options.until?.(answers()))) return;
      isOver = true;
      resolve({ answers: answers(), failures });
      group?.release();
      if (open > 0) group?.abort(new Error('enough samples agree'));
    };
    for (let i = 0; i < count; i++) {
      const single = singleCall(call, from + i);
      ask(group ? single.with({}, { signal: group.signal }) : single, handler)
        .then(([answer]) => {
          slots[i] = answer;
        })
        .catch((error: unknown) => failures.push(error))
        .finally(settle);
    }
  });
}
