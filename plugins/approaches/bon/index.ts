/**
 * Best of N: samples N answers, lets the same model judge them, returns the best. Calls: 1 + N (2N without `n`), two
 * rounds; pairwise 1 + N(N−1), listwise 2.
 *
 * Cobbe et al. 2021, "Training Verifiers to Solve Math Word Problems", arXiv:2110.14168; Sharma 2024, "Patched MOA",
 * arXiv:2407.18521. Departure: no trained verifier; the generator itself judges, by default each candidate alone.
 */
import {
  approachOptions,
  definePlugin,
  diverseTemperature,
  groupsOf,
  isUsable,
  noneUsable,
  sameResult,
  topChoices,
  usableOf,
  withDefaultLimit,
  z,
  type Answer,
  type Call,
  type Next,
} from '../../../core/index.ts';
import { judge } from './judges.ts';

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

async function bestOfN(call: Call, next: Next, { best_of_n, max_tokens, bon_rating, bon_early_stop }: Options) {
  const { exchange } = call;
  const choices = call.request.value.n ?? 1;
  const count = Math.max(best_of_n, choices);
  exchange.progress.say(`Asking for ${count} answers to choose from.`);
  const sampling = { temperature: diverseTemperature(call, 1), ...withDefaultLimit(call, max_tokens) };
  const answers = await next.sample(call.with(sampling, { role: 'candidate' }), count);

  const candidates = usableOf(answers);
  if (candidates.length === 0) return noneUsable(answers, call);
  const groups = groupsOf(candidates, sameResult());
  const isDecided = candidates.length === 1 || (bon_early_stop && groups.length === 1);
  if (!isDecided) exchange.progress.say(`${candidates.length} answers are there, rating them.`);
  const scores = isDecided ? [] : await judge(bon_rating, candidates, call, next);
  call.trace.note({ candidates: candidates.length, scores });

  const ranked = byScore(candidates, scores, groups);
  const truncated = answers.filter((answer) => isUsable(answer) && !candidates.includes(answer));
  return topChoices([...ranked, ...truncated].slice(0, choices));
}

/**
 * Best first: by score, then by how many come to the same answer, then as they came. Where no judge said anything usable
 * that leaves the plurality.
 */
export function byScore(
  candidates: readonly Answer[],
  scores: readonly (number | null)[],
  groups: readonly (readonly Answer[])[],
): readonly Answer[] {
  const rated = candidates.map((answer, index) => ({
    answer,
    score: scores[index] ?? -1,
    agreeing: groups.find((group) => group.includes(answer))?.length ?? 0,
  }));
  return rated.toSorted((a, b) => b.score - a.score || b.agreeing - a.agreeing).map(({ answer }) => answer);
}
