/**
 * CePO, planning and optimization: each of B candidates is made of n plans that are carried out, a review that resolves
 * where those contradict each other, and an answer from it; ratings, comparisons or a vote choose one. Calls: B·(2n + 2),
 * and B for ratings, B·(B − 1) for comparisons, none for a vote; 5, 5, 4 rounds. One call and one round more with
 * `use_plan_diversity`, and one plan (and execution) with a round for each for a failed one. With B = 1 the answer streams.
 *
 * Cerebras 2024, "CePO: Empowering Llama with Reasoning using Test-Time Compute", cerebras.ai/blog/cepo (no paper), whose
 * idea is that a model finds inconsistencies between several solutions better than errors in one. Departures: n attempts
 * instead of always m, those that fail are replaced; the review sees the plans as well; ties go to the answer of most.
 */
import { definePlugin, type Call, type Reply } from '../../../core/index.ts';
import {
  reportDegraded,
  firstByRank,
  survive,
  isUsable,
  noneUsable,
  shownOrBest,
  seedAt,
  topChoices,
  usableOf,
  shownOrError,
  withDefaultLimit,
  type Next,
  type Work,
} from '../../../core/approach/index.ts';
import { approachesIn } from './approaches.ts';
import { affordable } from './budget.ts';
import { options, type Options } from './options.ts';
import { namingApproaches } from './prompts.ts';
import { select } from './selection.ts';
import { Solver, type Candidate } from './solver.ts';
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
  const { progress } = call.exchange;
  const { stream, n } = call.request.value;
  const places = n ?? 1;
  const wanted = Math.max(options.bestofn_n, places);
  const extent = affordable(options, wanted, callsLeftFor(call));
  const isShort = extent.candidates < wanted || extent.proposals < options.planning_n;
  if (isShort) reportDegraded(call.exchange, 'budget_exhausted');
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

/** A single candidate is not compared with anything: its last step is the answer, as it comes. */
async function answerLive(solver: Solver, { call, next }: Work<Options>): Promise<Reply> {
  const draft = await solver.think();
  call.trace.note({ proposals: [draft.proposals], winner: 0, why: 'it is the only candidate' });
  const answering = solver.answerCall(draft);
  if (!answering) return isUsable(draft.solution) ? draft.solution.reply : noneUsable([draft.solution], call);
  call.exchange.progress.say('Writing the answer.');
  return shownOrBest(next(answering), answering, () => draft.solution.reply);
}

/** Where the limit on calls leaves room for nothing else. */
function plainAnswer({ call, next, options }: Work<Options>): Promise<Reply> {
  const { planning_temperature_direct_resp, planning_max_tokens_direct_resp } = options;
  const temperature = call.request.value.temperature ?? planning_temperature_direct_resp;
  const asked = call.with({ temperature, ...withDefaultLimit(call, planning_max_tokens_direct_resp) });
  return shownOrError(next(asked), asked);
}

/** One approach for each candidate to plan by; none where the model names none. */
async function nameApproaches(count: number, { call, next, options }: Work<Options>): Promise<readonly string[]> {
  const {
    planning_temperature_step1: temperature,
    planning_max_tokens_step1,
    planning_max_tokens_direct_resp,
  } = options;
  call.exchange.progress.say(`Looking for ${count} different approaches.`);
  const messages = namingApproaches(call.request.value.messages, count);
  const limit = planning_max_tokens_step1 || planning_max_tokens_direct_resp;
  const named = await survive(next.ask(stepCall(call, { role: 'approaches', messages, temperature, limit })), call);
  return approachesIn(named?.text ?? '').slice(0, count);
}

/** The candidates that came about; where none did, the failure that ranks first. */
async function survivors(solving: readonly Promise<Candidate>[], call: Call): Promise<readonly Candidate[]> {
  const failures = (await Promise.allSettled(solving)).filter((result) => result.status === 'rejected');
  if (failures.length === solving.length) throw firstByRank(failures.map(({ reason }) => reason as unknown));
  const candidates = await Promise.all(solving.map((candidate) => survive(candidate, call)));
  return candidates.filter((candidate) => candidate !== undefined);
}

/** What this run may spend: several (`n`) share what there is. */
function callsLeftFor(call: Call): number {
  const runs = call.exchange.plan?.request.value.n ?? 1;
  return Math.floor(call.callsLeft / (call.request.value.n ? 1 : runs));
}

/** Seeds of one's own for each candidate, where the client gave one: without it all plans would be the same. */
function seeded(call: Call, offset: number): Call {
  const { seed } = call.request.value;
  return typeof seed === 'number' && offset > 0 ? call.with({ seed: seedAt(seed, offset) }) : call;
}
