/**
 * Best of N: samples N answers, lets the same model judge them, and returns the best. Calls: 1 + N, in 2 rounds; with
 * pairwise rating 1 + N(N−1), with listwise rating 2. The samples are one call, or N if the model does not take `n`. If
 * the winner is certain before all judges have answered, pointwise rating aborts the open ones.
 *
 * Cobbe et al. 2021, "Training Verifiers to Solve Math Word Problems", arXiv:2110.14168; Sharma 2024, "Patched MOA",
 * arXiv:2407.18521. Departure: no verifier is trained; the same model judges, by default each candidate alone.
 */
import { definePlugin, z, type Call } from '../../../core/index.ts';
import {
  agreementOf,
  approachOptions,
  diverseTemperature,
  noneUsable,
  topChoices,
  usableOf,
  withDefaultLimit,
  type Next,
  type Scores,
} from '../../../core/approach/index.ts';
import { judge, judgesOf } from './judges.ts';
import { byScore, isCertain, whyFirst } from './ranking.ts';

const NAME = 'bon';

const options = approachOptions({
  best_of_n: z.int().min(1).max(32).default(3).describe('How many answers are sampled.'),
  max_tokens: z.int().min(1).default(4096).describe('Limit of each candidate, where the request sets none.'),
  bon_rating: z
    .enum(['pointwise', 'pairwise', 'listwise'])
    .default('pointwise')
    .describe('How candidates are compared.'),
  bon_early_stop: z.boolean().default(false).describe('Skip judging when all candidates come to the same answer.'),
});
type Options = z.output<typeof options>;

export default definePlugin({
  name: NAME,
  description: 'Samples several answers, rates each, returns the best.',
  options,
  apply({ approaches }) {
    approaches.add(NAME, { kind: 'answerer', selects: true, run: bestOfN });
  },
});

async function bestOfN(call: Call, next: Next, options: Options) {
  const { best_of_n, max_tokens, bon_rating, bon_early_stop } = options;
  const { trace, progress } = call;
  const places = call.request.value.n ?? 1;
  const count = Math.max(best_of_n, places);
  progress.say(`Asking for ${count} answers to choose from.`);
  const sampling = { temperature: diverseTemperature(call, 1), ...withDefaultLimit(call, max_tokens) };
  const answers = await next.sample(call.with(sampling, { role: 'candidate' }), count);

  const candidates = usableOf(answers);
  if (candidates.length === 0) return noneUsable(answers, call);
  const agreeing = agreementOf(candidates);
  trace.note({ candidates: candidates.length });
  if (candidates.length === 1) {
    trace.note({ winner: 0, why: whyFirst(byScore(candidates, [], agreeing)) });
    return topChoices(candidates, answers, places);
  }
  if (bon_early_stop && agreeing[0] === candidates.length) {
    const savedCalls = judgesOf(bon_rating, candidates.length);
    trace.note({ winner: 0, why: 'all candidates come to the same answer', saved_calls: savedCalls });
    return topChoices(candidates, answers, places);
  }

  progress.say(`${candidates.length} of ${count} answers are there, rating them.`);
  const isDecided = (scores: Scores) => isCertain(candidates, { scores, agreeing, places });
  const { scores, savedCalls } = await judge(bon_rating, { call, next, options, candidates, isCertain: isDecided });
  const ranked = byScore(candidates, scores, agreeing);
  trace.note({
    scores: scores.map((score) => score ?? null),
    winner: ranked[0]?.index,
    why: whyFirst(ranked),
    ...(savedCalls > 0 ? { saved_calls: savedCalls } : {}),
  });
  const [best] = ranked;
  const place = `answer ${(best?.index ?? 0) + 1} of ${candidates.length}`;
  progress.say(best?.score === undefined ? `No rating could be read, returning ${place}.` : `The best is ${place}.`);
  const order = ranked.map(({ answer }) => answer);
  return topChoices(order, answers, places);
}
