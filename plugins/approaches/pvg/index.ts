/**
 * Prover-verifier game at inference time. In each round of the game helpful provers solve the task, sneaky provers solve it
 * wrongly on purpose, and a verifier scores all solutions. The best helpful solution is used to reword the task more
 * sharply for the next round, and the best one of all rounds is the answer.
 *
 * Calls with R rounds of the game and k solutions: R·(2 + 2k) + R − 1, or R·4k + R − 1 if the model does not take `n`; one
 * after the other they take 3R − 1 rounds. Without `pvg_refine` R·(2 + 2k) calls, in 2 rounds. The highest possible score
 * ends the game.
 *
 * Kirchner et al. 2024, "Prover-Verifier Games improve legibility of LLM outputs", arXiv:2407.13692. Departures: no
 * model is trained; one model plays all parts; the sneaky provers only serve to show in which rounds the verifier is fooled.
 */
import { definePlugin, z, type Call } from '../../../core/index.ts';
import {
  approachOptions,
  askJudge,
  isTruncated,
  isUsable,
  judgeLimit,
  limitOf,
  noneUsable,
  reportDegraded,
  reportLostStage,
  stripThinking,
  survive,
  survivors,
  topChoices,
  type Answer,
  type Next,
  type Work,
} from '../../../core/approach/index.ts';
import { REFINER, taskAndSolution } from './prompts.ts';
import { Provers, type Round } from './provers.ts';
import { MAX_SCORE, type Standing } from './standings.ts';

const NAME = 'pvg';

const options = approachOptions({
  pvg_rounds: z.int().min(1).max(5).default(2).describe('How many rounds are played.'),
  pvg_solutions: z.int().min(1).max(8).default(3).describe('Solutions of each kind in a round.'),
  pvg_sneaky: z
    .boolean()
    .default(true)
    .describe('Have wrong solutions made as well, to test the verifier; false spares half the solutions.'),
  pvg_refine: z
    .boolean()
    .default(true)
    .describe('Sharpen the task between rounds; false plays all rounds at once, on the task as it is.'),
  max_tokens: z.int().min(1).default(4096).describe('Limit of each solution, where the request sets none.'),
});
type Options = z.output<typeof options>;

export default definePlugin({
  name: NAME,
  description:
    'Plays provers, some of them wrong on purpose, against a verifier, and returns the best honest solution.',
  options,
  apply({ approaches }) {
    approaches.add(NAME, { kind: 'answerer', selects: true, run: game });
  },
});

async function game(call: Call, next: Next, options: Options) {
  const choices = call.request.value.n ?? 1;
  const work = { call, next, options };
  const provers = new Provers({
    ...work,
    rounds: options.pvg_rounds,
    solutions: Math.max(options.pvg_solutions, choices),
    isSneaky: options.pvg_sneaky,
    maxTokens: options.max_tokens,
  });
  const rounds = options.pvg_refine ? await inTurn(provers, work) : await atOnce(provers, work);

  const best = bestOf(rounds);
  const answers = rounds.flatMap((round) => round.answers);
  if (!best) return noneUsable(answers, call);
  const standings = rounds.flatMap(({ ranking }) => ranking);
  if (standings.every(({ score }) => score === null)) reportLostStage(call.exchange, 'judges_failed');
  call.trace.note({
    rounds: rounds.map(factsOf),
    winning_round: best.round.number,
    winner: best.first.index,
    why: whyFirst(best),
  });
  const others = standings.filter((other) => other !== best.first).toSorted((a, b) => worthOf(b) - worthOf(a));
  const ranked = [best.first, ...others].map(({ solution }) => solution);
  return topChoices(ranked, answers, choices);
}

/** One round after the other, each on the task as reworded after the best solution so far. */
async function inTurn(provers: Provers, work: Work<Options>): Promise<readonly Round[]> {
  const { call, options } = work;
  const { pvg_rounds, pvg_solutions: k, pvg_sneaky } = options;
  const rounds = [await provers.play(0)];
  for (let number = 1; number < pvg_rounds; number++) {
    const best = bestOf(rounds);
    if (!best || call.signal.aborted) break;
    if (worthOf(best.first) === MAX_SCORE) {
      const left = pvg_rounds - number;
      call.trace.note({ saved_calls: left * ((1 + k) * (pvg_sneaky ? 2 : 1) + 1) });
      break;
    }
    if (!call.canSpend()) {
      reportDegraded(call.exchange, 'budget');
      break;
    }
    call.progress.say('Putting the task more sharply.');
    const sharpened = await refine(best.first.solution, work);
    const round = await survive(provers.play(number, sharpened), call);
    if (round) rounds.push(round);
  }
  return rounds;
}

/** All rounds at the same time. Failed ones are left out; if all failed, throws the failure that ranks first. */
function atOnce(provers: Provers, { call, options }: Work<Options>): Promise<readonly Round[]> {
  const playing = Array.from({ length: options.pvg_rounds }, (_, number) => provers.play(number));
  return survivors(playing, call);
}

/** A sharper wording of the task; undefined if none came whole, and the next round then uses the original. One call. */
async function refine(best: Answer, work: Work<Options>): Promise<string | undefined> {
  const { call, options } = work;
  const limit = Math.min(limitOf(call) ?? options.max_tokens, judgeLimit(call, [best]));
  const user = taskAndSolution(call.request.value.messages, best);
  const refined = await askJudge(work, { system: REFINER, user, temperature: 0.5, limit, role: 'refine' });
  const isWhole = refined !== undefined && isUsable(refined) && !isTruncated(refined);
  return isWhole ? stripThinking(refined.text).trim() || undefined : undefined;
}

/** The best solution of all rounds, and the round it is from. */
interface Best {
  readonly round: Round;
  readonly first: Standing;
}

/** The round whose winner is worth most, the first one if several are equal. Undefined if no round has a winner. */
function bestOf(rounds: readonly Round[]): Best | undefined {
  let best: Best | undefined;
  for (const round of rounds) {
    const [first] = round.ranking;
    if (first && (!best || worthOf(first) > worthOf(best.first))) best = { round, first };
  }
  return best;
}

function worthOf({ worth }: Standing): number {
  return worth ?? -Infinity;
}

function whyFirst({ round, first }: Best): string {
  if (!round.isTrusted)
    return 'a sneaky solution fooled the verifier, and most helpful ones agree with it, or it is the first';
  return first.worth === null ? 'no score could be read' : 'it is the helpful solution that is worth most';
}

function factsOf({ ranking, sneakyScores, isTrusted, discrimination }: Round) {
  const helpful = ranking.toSorted((a, b) => a.index - b.index);
  return {
    helpful_scores: helpful.map(({ score }) => score),
    penalised: helpful.filter(({ score, worth }) => score !== worth).map(({ index }) => index),
    agreeing: helpful.map(({ agreeing }) => agreeing),
    sneaky_scores: sneakyScores,
    is_verifier_trusted: isTrusted,
    discrimination,
  };
}
