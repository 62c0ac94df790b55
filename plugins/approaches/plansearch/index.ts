/**
 * Plan search, for code: makes observations about the problem, derives further ones, plans a solution in words, and only
 * then writes the program, which streams live. Calls and rounds: 4.
 *
 * `plansearch_mode: tree` searches over ideas as the paper does. Each of g branches, by default 8, starts from another
 * subset of the observations and makes two solutions in words, each turned into pseudocode and a program. The program
 * that most branches wrote is the answer. Calls: 1 + 7g, in 6 rounds; `plansearch_select: judge` adds one of each.
 *
 * Wang et al. 2024, "Planning In Natural Language Improves LLM Search For Code Generation", arXiv:2409.03733. Departures:
 * the chain is one path without branches; the tree derives once per subset, and runs no tests but chooses by agreement.
 */
import { definePlugin, z, type Call, type Reply } from '../../../core/index.ts';
import {
  approachOptions,
  diverseTemperature,
  limitOf,
  questionText,
  randomOf,
  reportDegraded,
  reportLostStage,
  shownOrError,
  systemText,
  type Next,
  type Random,
} from '../../../core/approach/index.ts';
import { distinct } from './observations.ts';
import { derive, hasRoom, observe, programCall, sketch, type Search } from './steps.ts';
import { isProgramming, languageIn, type Task } from './task.ts';
import { affordableBranches, searchTree } from './tree.ts';

const NAME = 'plansearch';
const DIVERSE = 0.9;
const DEFAULT_OBSERVATIONS = { chain: 3, tree: 10 };

const options = approachOptions({
  plansearch_mode: z
    .enum(['chain', 'tree'])
    .optional()
    .describe(
      'One path of ideas (chain, the default) or a search over several. If set, it also plans what is no programming task.',
    ),
  plansearch_observations: z
    .int()
    .min(1)
    .max(10)
    .optional()
    .describe('How many first observations are asked for; where not set 3, in a tree 10.'),
  plansearch_derived: z
    .int()
    .min(0)
    .max(10)
    .default(2)
    .describe('How many further observations are derived from the first ones.'),
  plansearch_branches: z.int().min(1).max(56).default(8).describe('How many subsets of observations a tree follows.'),
  plansearch_select: z
    .enum(['plurality', 'judge'])
    .default('plurality')
    .describe('How a tree chooses: the program that most wrote, or what one more call finds best.'),
  plansearch_language: z
    .string()
    .min(1)
    .optional()
    .describe('Language of the program. If not set, the one that the question names, else Python.'),
  max_tokens: z.int().min(1).default(4096).describe('Limit of each call, where the request sets none.'),
});
type Options = z.output<typeof options>;

export default definePlugin({
  name: NAME,
  description: 'Collects observations, plans a solution in words, and writes the program from it.',
  options,
  apply({ approaches }) {
    approaches.add(NAME, { kind: 'answerer', run: planSearch });
  },
});

async function planSearch(call: Call, next: Next, options: Options): Promise<Reply> {
  const random = randomOf(call, 'observations');
  const { plansearch_mode, plansearch_derived: derived, plansearch_branches: branches, max_tokens } = options;
  const task = taskOf(call, options);
  if (task.kind === 'other' && plansearch_mode === undefined) {
    reportDegraded(call.exchange, 'plansearch: no programming task', { isLasting: true });
    return next(call);
  }
  const runs = call.exchange.plan?.request.value.n ?? 1;
  const { temperature } = call.request.value;
  const search = { call, next, options, task, limit: limitOf(call) ?? max_tokens, runs };

  const mode = plansearch_mode ?? 'chain';
  const observations = options.plansearch_observations ?? DEFAULT_OBSERVATIONS[mode];
  if (mode === 'tree') {
    const tree = { observations, derived, branches, select: options.plansearch_select };
    const diverse = { ...search, temperature: diverseTemperature(call, DIVERSE) };
    const affordable = affordableBranches(diverse, tree);
    if (affordable < branches) reportDegraded(call.exchange, 'budget');
    if (affordable > 0) return searchTree(diverse, { ...tree, branches: affordable }, random);
  }
  // If the client wants several choices, each is a chain, which should differ from the others.
  const own = { ...search, temperature: temperature ?? (runs > 1 ? DIVERSE : undefined) };
  return chain(own, { observations, derived }, runs > 1 ? random : undefined);
}

interface Counts {
  readonly observations: number;
  readonly derived: number;
}

/** @param random  For one chain among several: leaves out one of the first observations, so that the chains differ. */
async function chain(search: Search, { observations, derived }: Counts, random: Random | undefined): Promise<Reply> {
  const { call, next } = search;
  const { progress } = call;
  progress.say('Looking for observations.');
  const all = hasRoom(search) ? await observe(search, observations) : [];
  const first = random && all.length > 1 ? random.subset(all, all.length - 1) : all;
  if (first.length > 0) progress.say(`${first.length} observations are there, deriving more.`);
  const more = derived > 0 && first.length > 0 ? await derive(search, first, derived) : [];
  const observed = distinct([...first, ...more]);

  progress.say(`Planning a solution with ${observed.length} observations.`);
  const plan = await sketch(search, observed);
  call.trace.note({ observations: first.length, derived: more.length, has_sketch: plan !== '' });
  if (plan === '') reportLostStage(call.exchange, 'sketch_failed');

  progress.say('Writing the answer.');
  const writing = programCall(search, { observations: observed, sketch: plan }, 'answer');
  return shownOrError(next(writing), writing);
}

function taskOf({ request }: Call, { plansearch_language }: Options): Task {
  const { messages } = request.value;
  const question = questionText(messages);
  if (!isProgramming(question)) return { kind: 'other' };
  const language = plansearch_language ?? languageIn(question) ?? languageIn(systemText(messages));
  return { kind: 'program', language: language ?? 'Python' };
}
