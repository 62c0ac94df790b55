/**
 * Multi-agent reasoning: A agents solve the problem at different temperatures. Their solutions are combined in T steps of
 * g groups, while each agent improves its own with the others' strategies. Every solution is verified V times, and
 * rejected ones are improved. One verified solution is the answer; if none decides, one is written from the best.
 *
 * Calls for P solutions: A + T·g + (A + 1 + A) + V·P, by default 34; rounds: 1 + max(T, 2) + 1, by default 5. In addition:
 * a solution one pass short of V is verified up to `max_verification_attempts` − V times more, in one round; an iteration
 * of improvement takes 1 + V calls for each rejected solution, in two rounds; a synthesis takes one call and round. For
 * short answers (`light` in settings.ts) A + A·V calls, by default 4, in 2 rounds.
 *
 * Huang, Yang 2025, "Winning Gold at IMO 2025 with a Model-Agnostic Verification-and-Refinement Pipeline",
 * arXiv:2507.15855; Venkatraman et al. 2025, "Recursive Self-Aggregation Unlocks Deep Thinking in Large Language Models",
 * arXiv:2509.26626. Departures: two passes, at once, instead of five in a row; at most 3 groups per step, and the best of
 * old and new solutions are kept; agents exchange strategies.
 */
import { definePlugin, type Call, type Reply } from '../../../core/index.ts';
import {
  isFreeText,
  noneUsable,
  pluralityOf,
  randomOf,
  reportLostStage,
  shownOrBest,
  toAnswers,
  toolCallKey,
  usableOf,
  type Answer,
  type Next,
  type Work,
} from '../../../core/approach/index.ts';
import { aggregate } from './aggregation.ts';
import { chosen, factsOf, summaryOf } from './choice.ts';
import { explore, toSolutions } from './exploration.ts';
import { improveRejected } from './improvement.ts';
import { synthesis } from './prompts.ts';
import { options, settingsOf, type Options, type Settings } from './settings.ts';
import { layoutOf, shown } from './short-answer.ts';
import { enhance } from './strategies.ts';
import { untilConsensus, verify } from './verification.ts';
import { byScore, generation, type Solution } from './solution.ts';

const NAME = 'mars';
const CAREFUL = 0.3;
const SYNTHESISED = 3;

export default definePlugin({
  name: NAME,
  description: 'Several agents solve the problem, combine, verify and improve their solutions; one is returned.',
  options,
  apply({ approaches }) {
    approaches.add(NAME, { kind: 'answerer', run: reason });
  },
});

async function reason(call: Call, next: Next, given: Options): Promise<Reply> {
  const { trace, progress } = call;
  const random = randomOf(call);
  const settings = settingsOf(call, given);
  const work: Work<Settings> = { call, next, options: settings };

  progress.say(`Asking ${settings.num_agents} agents for a solution each.`);
  const answers = await explore(work);
  const made = answers.filter((answer) => answer !== undefined);
  const usable = usableOf(made);
  if (usable.length === 0) return noneUsable(made, call);
  const toolTurn = agreedToolTurn(usable);
  if (toolTurn) {
    trace.note({ winner: made.indexOf(toolTurn), why: 'most agents call a tool: there is nothing to verify yet' });
    return toolTurn.reply;
  }
  const explored = toSolutions(answers, usable);

  const [population, enhanced] = await Promise.all([
    settings.enable_aggregation ? aggregate(explored, work, random) : explored,
    exchangesStrategies(settings) ? enhance(explored, work) : [],
  ]);
  const pool = [...population, ...enhanced];

  progress.say(`${pool.length} solutions are there, verifying them.`);
  const verified = await untilConsensus(pool, work, verify);
  if (verified.solutions.every(({ reports }) => reports.every(({ verdict }) => verdict === null)))
    reportLostStage(call.exchange, 'judges_failed');
  const { solutions, iterations, aborted } = await improveRejected(verified.solutions, work);
  const savedCalls = verified.aborted + aborted;
  trace.note({ agents: explored.length, iterations, ...factsOf(solutions) });
  if (savedCalls > 0) trace.note({ saved_calls: savedCalls });

  const choice = chosen(solutions);
  if (!choice) return synthesise(solutions, work);
  trace.note({ winner: solutions.indexOf(choice.solution), why: choice.why });
  return shown(choice.solution.answer, call, settings);
}

function exchangesStrategies(settings: Settings): boolean {
  return settings.enable_strategy_network && settings.strategy_extraction_enabled && settings.cross_agent_enhancement;
}

/**
 * The tool call that most agents make, if at least half of them make one: there is no solution to work on before its
 * result.
 */
function agreedToolTurn(usable: readonly Answer[]): Answer | undefined {
  const turns = usable.filter((answer) => toolCallKey(answer) !== undefined);
  return 2 * turns.length >= usable.length ? pluralityOf(turns) : undefined;
}

/** One solution written from the best. It streams live unless a short answer has to be taken out of it. */
async function synthesise(pool: readonly Solution[], work: Work<Settings>): Promise<Reply> {
  const { call, next, options: settings } = work;
  const best = byScore(pool).slice(0, SYNTHESISED);
  const [first] = best;
  if (!first) throw new Error('there is no solution to write from');
  call.trace.note({ why: `nothing decides between the solutions: written from ${best.length} of them` });
  call.progress.say('Writing the answer.');
  const asked = generation(work, {
    instruction: synthesis(best, summaryOf(best), isFreeText(call)),
    temperature: call.request.value.temperature ?? CAREFUL,
    effort: 'high',
    role: 'synthesis',
  });
  const isLive = layoutOf(call, settings) === undefined;
  const last = isLive ? asked : asked.with({ stream: undefined, stream_options: undefined }, { wantsWhole: true });
  const fallBack = () => {
    call.trace.note({
      winner: pool.indexOf(first),
      why: 'the answer could not be written, the solution that verifiers liked best',
    });
    return first.answer.reply;
  };
  const reply = await shownOrBest(next(last), last, fallBack);
  if (isLive || reply.kind !== 'complete' || reply.status >= 400) return reply;
  const [answer] = toAnswers(reply, call);
  return answer ? shown(answer, call, settings) : reply;
}
