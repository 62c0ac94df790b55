/**
 * CePO, planning and optimization: for each of B candidates, n plans are made and carried out, a review settles where the
 * results contradict each other, and the answer is written from it. Ratings, comparisons or a vote choose one candidate.
 * Calls: B·(2n + 2), then B for ratings, B·(B − 1) for comparisons, none for a vote; 5, 5 or 4 rounds. Of candidates rated
 * equal that contradict each other two are compared, more are ranked by one judge, in one round more. `use_plan_diversity`
 * costs one call and round more. A failed attempt is replaced: up to two calls and two rounds more. With B = 1 nothing is
 * chosen, and the answer streams.
 *
 * Cerebras 2024, "CePO: Empowering Llama with Reasoning using Test-Time Compute", cerebras.ai/blog/cepo (no paper). Its
 * idea is that a model finds inconsistencies between several solutions better than errors in one. Departures: n attempts
 * are made instead of always m, and failed ones are replaced; the review sees the plans as well; of equal ratings the
 * answer that most candidates come to wins.
 */
import { definePlugin, type Call, type Reply } from '../../../core/index.ts';
import {
  isUsable,
  noneUsable,
  reportDegraded,
  seedAt,
  shownOrBest,
  shownOrError,
  survive,
  survivors,
  topChoices,
  usableOf,
  withDefaultLimit,
  type Next,
  type Work,
} from '../../../core/approach/index.ts';
import { approachesIn } from './approaches.ts';
import { affordable } from './budget.ts';
import { options, type Options } from './options.ts';
import { namingApproaches } from './prompts.ts';
import { select } from './selection.ts';
import { Solver } from './solver.ts';
import { stepCall } from './steps.ts';

const NAME = 'cepo';

export default definePlugin({
  name: NAME,
  description: 'Plans, carries the plans out, reviews the results together, and chooses the best of several answers.',
  options,
  apply({ approaches }) {
    approaches.add(NAME, {
      kind: 'answerer',
      selects: true,
      models: ({ rating_model }) => (rating_model === null ? [] : [rating_model]),
      run: planAndOptimize,
    });
  },
});

async function planAndOptimize(call: Call, next: Next, options: Options): Promise<Reply> {
  const work = { call, next, options };
  const { progress } = call;
  const { stream, n } = call.request.value;
  const places = n ?? 1;
  const wanted = Math.max(options.bestofn_n, places);
  const extent = affordable(options, wanted, callsLeftFor(call));
  const isShort = extent.candidates < wanted || extent.proposals < options.planning_n;
  if (isShort) reportDegraded(call.exchange, 'budget');
  if (extent.proposals === 0) return plainAnswer(work);

  const approaches = extent.isDiverse ? await nameApproaches(extent.candidates, work) : [];
  const isCompared = extent.candidates > 1;
  progress.say(
    `Planning ${isCompared ? `${extent.candidates} candidates` : 'an answer'}, ${extent.proposals} proposals each.`,
  );
  const solvers = Array.from({ length: extent.candidates }, (_, place) => {
    const approach = approaches[place % Math.max(approaches.length, 1)];
    const own = seeded(call, place * options.planning_m);
    return new Solver({ ...work, call: own, proposals: extent.proposals, approach, isCompared });
  });
  const [only] = solvers;
  if (only && !isCompared && stream === true) return answerLive(only, work);

  const candidates = await survivors(
    solvers.map((solver) => solver.solve()),
    call,
  );
  const answers = candidates.map(({ answer }) => answer);
  const usable = usableOf(answers);
  if (usable.length === 0) return noneUsable(answers, call);
  const { order, why, facts } = await select(usable, work);
  const [winner] = order;
  const proposals = candidates.map((candidate) => candidate.proposals);
  call.trace.note({ proposals, ...facts, winner: winner && answers.indexOf(winner), why });
  return topChoices(order, answers, places);
}

/** Streams the answer of a single candidate: it is not compared with others, so that its last step can be shown live. */
async function answerLive(solver: Solver, { call, next }: Work<Options>): Promise<Reply> {
  const draft = await solver.think();
  call.trace.note({ proposals: [draft.proposals], winner: 0, why: 'it is the only candidate' });
  const answering = solver.answerCall(draft);
  if (!answering) return isUsable(draft.solution) ? draft.solution.reply : noneUsable([draft.solution], call);
  call.progress.say('Writing the answer.');
  return shownOrBest(next(answering), answering, () => draft.solution.reply);
}

/** The plain call, if the limit on calls leaves room for nothing else. */
function plainAnswer({ call, next, options }: Work<Options>): Promise<Reply> {
  const { planning_temperature_direct_resp, planning_max_tokens_direct_resp } = options;
  const temperature = call.request.value.temperature ?? planning_temperature_direct_resp;
  const asked = call.with({ temperature, ...withDefaultLimit(call, planning_max_tokens_direct_resp) });
  return shownOrError(next(asked), asked);
}

/** An approach for each candidate to plan by; fewer, or none, if the model names no more. One call. */
async function nameApproaches(count: number, { call, next, options }: Work<Options>): Promise<readonly string[]> {
  const {
    planning_temperature_step1: temperature,
    planning_max_tokens_step1,
    planning_max_tokens_direct_resp,
  } = options;
  call.progress.say(`Looking for ${count} different approaches.`);
  const messages = namingApproaches(call.request.value.messages, count);
  const limit = planning_max_tokens_step1 || planning_max_tokens_direct_resp;
  const named = await survive(next.ask(stepCall(call, { role: 'approaches', messages, temperature, limit })), call);
  return approachesIn(named?.text ?? '').slice(0, count);
}

/** How many calls this run may make: if the client wants several choices, each is a run, and the runs share the limit. */
function callsLeftFor(call: Call): number {
  const runs = call.exchange.plan?.request.value.n ?? 1;
  return Math.floor(call.callsLeft / (call.request.value.n ? 1 : runs));
}

/** The call with a seed of the candidate's own, if the client gave one: with the same seed all plans would be equal. */
function seeded(call: Call, offset: number): Call {
  const { seed } = call.request.value;
  return typeof seed === 'number' && offset > 0 ? call.with({ seed: seedAt(seed, offset) }) : call;
}
