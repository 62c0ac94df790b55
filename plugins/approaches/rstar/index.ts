/**
 * rStar, mutual reasoning: grows R paths of up to D + 1 steps, each step one of five actions that people take when they
 * solve a problem. A second reader gets the beginning of each path and completes it. The answer that most paths and
 * readings come to wins.
 *
 * Calls: R·(D + 1) + R, fewer if a path states its answer earlier; D + 2 rounds. With `rstar_batch` g < R later rollouts
 * start where earlier ones agreed (UCT): at most ⌈R/g⌉·(D + 1) + 1 rounds.
 *
 * Qi et al. 2024, "Mutual Reasoning Makes Smaller LLMs Stronger Problem-Solvers", arXiv:2408.06195. Departures: by default
 * all rollouts run at once, so that none learns from another, and the same model reads; no examples in the prompts; every
 * action is possible at every step; readings vote as well, instead of only confirming a path.
 */
import { definePlugin, GatewayError, z, type Call, type Reply } from '../../../core/index.ts';
import {
  approachOptions,
  asksForCode,
  firstByRank,
  isFreeText,
  isTruncated,
  isUsable,
  noneUsable,
  questionText,
  randomOf,
  reportDegraded,
  reportLostStage,
  shownOrError,
  topChoices,
  type Next,
} from '../../../core/approach/index.ts';
import { chosenFirst, readAgain } from './readers.ts';
import { isConclusion, resultOf } from './results.ts';
import { Exploration, type Path } from './rollouts.ts';
import { countVotes, isVerified, shownOf, unread, type Group, type ReadPath, type Voter } from './votes.ts';

const NAME = 'rstar';

/** The most rollouts that the options allow. As the default of `rstar_batch` it means that all run at once. */
const MOST_ROLLOUTS = 32;

const options = approachOptions({
  rstar_max_depth: z.int().min(1).max(8).default(3).describe('Steps of a path after the first one.'),
  rstar_num_rollouts: z.int().min(1).max(MOST_ROLLOUTS).default(5).describe('How many paths are grown.'),
  rstar_c: z
    .number()
    .min(0)
    .max(10)
    .default(1.4)
    .describe('How much a further rollout favours what was visited less; matters with rstar_batch alone.'),
  rstar_batch: z
    .int()
    .min(1)
    .max(MOST_ROLLOUTS)
    .default(MOST_ROLLOUTS)
    .describe('Rollouts that run at once; with fewer than there are, later ones go where earlier ones agreed.'),
  rstar_discriminator_model: z
    .string()
    .min(1)
    .optional()
    .describe("Model that reads the paths again, as clients write it; default: the request's own."),
  rstar_early_stop: z.boolean().default(false).describe('No second reader where all paths state the same answer.'),
  max_tokens: z.int().min(1).default(4096).describe('Limit of each step and reading, where the request sets none.'),
  return_full_response: z.boolean().default(false).describe('Return the whole path, not only its last step.'),
});
type Options = z.output<typeof options>;

export default definePlugin({
  name: NAME,
  description: 'Grows several lines of reasoning, has each read again, and returns the answer most of them agree on.',
  options,
  apply({ approaches }) {
    approaches.add(NAME, {
      kind: 'answerer',
      selects: true,
      models: ({ rstar_discriminator_model: model }) => (model === undefined ? [] : [model]),
      run: mutualReasoning,
    });
  },
});

async function mutualReasoning(call: Call, next: Next, options: Options) {
  const work = { call, next, options };
  if (!isFreeText(call)) {
    // A path is prose that ends in an answer. Neither a tool call nor a format can be written step by step.
    reportDegraded(call.exchange, 'rstar: tools or response_format', { isLasting: true });
    return plainAnswers(call, next);
  }
  const random = randomOf(call);
  const { trace, progress } = call;
  const places = call.request.value.n ?? 1;
  const rollouts = Math.max(options.rstar_num_rollouts, places);

  progress.say(`Growing ${rollouts} lines of reasoning.`);
  const exploration = new Exploration({
    ...work,
    random,
    rollouts,
    batch: options.rstar_batch < MOST_ROLLOUTS ? options.rstar_batch : rollouts,
    depth: options.rstar_max_depth + 1,
    exploration: options.rstar_c,
    maxTokens: options.max_tokens,
    isCode: asksForCode(questionText(call.request.value.messages)),
  });
  await exploration.run();
  const { failures, unusable } = exploration;
  const whole = exploration.paths.filter(({ isWhole }) => isWhole);
  // A path that was cut short is no answer, unless a limit cut all of them: then it is the best there is.
  const paths = whole.length === 0 && failures.some(isLimit) ? exploration.paths : whole;
  if (paths.length === 0) {
    if (failures.length > 0) throw firstByRank(failures);
    return noneUsable(unusable, call);
  }
  trace.note({ paths: paths.length, path_lengths: paths.map(({ steps }) => steps.length) });
  const shown = (voter: Voter) => shownOf(voter, options.return_full_response, call);

  if (paths.every(({ last }) => resultOf(last) === undefined)) {
    const complete = paths.filter(({ last }) => !isTruncated(last));
    const chosen = await chosenFirst(complete.length > 0 ? complete : paths, work);
    const ranked = [...new Set([...chosen, ...paths])];
    const order = ranked.map((path) => shown({ read: unread(path), isReading: false }));
    return topChoices(order, [], places);
  }

  const isDecided = options.rstar_early_stop && places === 1 && areUnanimous(paths);
  if (isDecided) trace.note({ saved_calls: paths.length });
  else progress.say(`${paths.length} lines of reasoning are there, a second reader completes each from its beginning.`);
  const read = isDecided ? paths.map(unread) : await readAgain(paths, random, work);
  if (!isDecided && read.every(({ reading }) => reading === undefined || resultOf(reading) === undefined))
    reportLostStage(call.exchange, 'judges_failed');

  const groups = countVotes(read);
  noteVotes(groups, read, call);
  const winners = groups.map(({ best }) => best);
  const others = read
    .filter((one) => winners.every((winner) => winner.isReading || winner.read !== one))
    .map((one) => ({ read: one, isReading: false }));
  return topChoices([...winners, ...others].map(shown), [], places);
}

/**
 * Plain answers, as many as the client wants. With `n: top` this approach gets the client's `n`, which not every model
 * takes.
 */
async function plainAnswers(call: Call, next: Next): Promise<Reply> {
  const count = call.request.value.n ?? 1;
  if (count === 1) return shownOrError(next(call), call);
  const answers = await next.sample(call, count);
  const usable = answers.filter(isUsable);
  return usable.length > 0 ? topChoices(usable, [], count) : noneUsable(answers, call);
}

function isLimit(error: unknown): boolean {
  return error instanceof GatewayError && (error.code === 'budget_exhausted' || error.code === 'deadline_exceeded');
}

/**
 * Do all paths state the same answer? Then no reading can change the winner: even if all readings came to one other
 * answer, the votes would be equal, and the answer of the paths comes first.
 */
function areUnanimous(paths: readonly Path[]): boolean {
  const all = paths.map(unread);
  return paths.every(({ last }) => isConclusion(last)) && countVotes(all).length === 1;
}

function noteVotes(groups: readonly Group[], read: readonly ReadPath[], call: Call): void {
  const [winner, second] = groups;
  const votes = groups.map(({ answer, weight, confidence }) => ({ answer, weight, confidence }));
  const why =
    second === undefined
      ? 'all come to its answer'
      : winner?.weight !== second.weight
        ? 'most paths and readings, by weight, come to its answer'
        : 'of the answers with most weight it is the surest, or the first';
  call.trace.note({
    votes,
    verified: read.filter(isVerified).length,
    winner: winner && read.indexOf(winner.best.read),
    why,
  });
  call.progress.say(`${groups.length} answers were found, the best has ${winner?.weight ?? 0} votes.`);
}
