/**
 * Monte Carlo tree search over dialogues: samples several replies, continues the dialogue after each for some turns with
 * an imagined user, rates where that led, and returns the reply that did best on average.
 *
 * Calls with S simulations, depth d ≥ 1 and branching b: 1 + S·(2d + 1) if S ≤ b, in 2d + 2 rounds, because the first
 * visits of the replies do not depend on any value and run at once. Each simulation beyond b depends on the values so far:
 * 2d + 2 calls and rounds more. Depth 0 rates the replies alone, as best-of-n does: 1 + min(S, b) calls, 2 rounds.
 *
 * Xie et al. 2024, "Monte Carlo Tree Search Boosts Reasoning via Iterative Preference Learning", arXiv:2405.00451; the
 * search rule is UCT, Kocsis & Szepesvári 2006, "Bandit based Monte-Carlo Planning". Departures from the former: whole
 * turns of a dialogue instead of steps of reasoning, the model's own rating instead of a checked outcome, no training.
 */
import { definePlugin, z, type Call } from '../../../core/index.ts';
import {
  approachOptions,
  candidateText,
  groupsOf,
  noneUsable,
  reportDegraded,
  reportLostStage,
  sameResult,
  toolCallKey,
  topChoices,
  usableOf,
  type Answer,
  type Next,
  type Work,
} from '../../../core/approach/index.ts';
import { Dialogues } from './dialogue.ts';
import { backUp, createNode, isDecided, meanOf, ranked, select, type Node } from './tree.ts';

const NAME = 'mcts';
const HIGHEST = 'its dialogues are rated highest on average';
const UNRATED = 'no rating could be read, and most replies agree with it, or it is the first';

const options = approachOptions({
  mcts_preset: z
    .enum(['none', 'cheap', 'thorough'])
    .default('none')
    .describe(
      'cheap = rate each of mcts_branching replies alone; thorough = play on after each of them; none = as the other options say.',
    ),
  mcts_simulations: z.int().min(1).max(64).default(2).describe('How many dialogues are played and rated.'),
  mcts_exploration: z
    .number()
    .min(0)
    .max(10)
    .default(0.2)
    .describe('How much a further simulation favours what was visited less; 0 goes by the ratings alone.'),
  mcts_depth: z
    .int()
    .min(0)
    .max(8)
    .default(1)
    .describe('Turns of the user that a simulation plays; 0 rates each reply alone, at most one simulation for each.'),
  mcts_branching: z.int().min(2).max(8).default(3).describe('Replies that are sampled where the tree grows.'),
  mcts_early_stop: z
    .boolean()
    .default(false)
    .describe('Leave out simulations that cannot change which reply wins any more.'),
  max_tokens: z.int().min(1).default(4096).describe('Limit of each reply, where the request sets none.'),
});
type Options = z.output<typeof options>;

export default definePlugin({
  name: NAME,
  description: 'Plays the conversation on after each of several replies, and returns the one with the best prospects.',
  options,
  apply({ approaches }) {
    approaches.add(NAME, { kind: 'answerer', selects: true, run: treeSearch });
  },
});

async function treeSearch(call: Call, next: Next, given: Options) {
  const options = withPreset(given);
  const work = { call, next, options };
  const { mcts_simulations, mcts_branching, mcts_early_stop } = options;
  const { progress } = call;
  const choices = call.request.value.n ?? 1;
  const dialogues = new Dialogues(work);

  // More replies than there are simulations would never be looked at.
  const width = Math.max(Math.min(mcts_simulations, mcts_branching), choices);
  progress.say(width === 1 ? 'Writing a reply.' : `Writing ${width} replies to choose from.`);
  const answers = await dialogues.begin(width);
  const candidates = usableOf(answers);
  if (candidates.length === 0) return noneUsable(answers, call);

  const root = createNode(undefined, []);
  root.children = candidates.map((reply) => dialogues.nodeOf(reply, root, []));
  const isMoot = mcts_early_stop ? areEqual(candidates) : candidates.length === 1 && width > 1;
  if (!isMoot) await search(root, dialogues, work);

  const isRated = root.ratings > 0;
  if (!isMoot && !isRated) reportLostStage(call.exchange, 'judges_failed');
  const byValue = ranked(root.children).flatMap((child) => candidates[root.children.indexOf(child)] ?? []);
  const order = isRated ? byValue : groupsOf(candidates, sameResult()).flat();
  const [best] = order;
  call.trace.note({
    replies: candidates.length,
    visits: root.children.map(({ visits }) => visits),
    values: root.children.map(meanOf),
    winner: best && candidates.indexOf(best),
    why: isMoot ? 'there is nothing to choose between' : isRated ? HIGHEST : UNRATED,
    ...(isMoot ? { saved_calls: callsFrom(0, candidates.length, options) } : {}),
  });
  return topChoices(order, answers, choices);
}

/** The options with what the preset sets: one simulation for each reply, and with `cheap` no dialogue after it. */
function withPreset(options: Options): Options {
  const { mcts_preset, mcts_branching } = options;
  if (mcts_preset === 'none') return options;
  return { ...options, mcts_simulations: mcts_branching, ...(mcts_preset === 'cheap' ? { mcts_depth: 0 } : {}) };
}

/** Makes the simulations, or as many as the limits allow. */
async function search(root: Node, dialogues: Dialogues, { call, options }: Work<Options>): Promise<void> {
  const { mcts_simulations: simulations, mcts_exploration, mcts_branching, mcts_depth, mcts_early_stop } = options;
  const { progress } = call;
  const visit = async (node: Node) => {
    // A terminal node would be rated on the same dialogue again, so that its mean value stands for a new rating.
    backUp(node, node.visits > 0 ? meanOf(node) : await dialogues.simulate(node));
  };
  const expanded = async (leaf: Node) => {
    if (leaf.visits === 0 || leaf.isTerminal) return leaf;
    leaf.children = await dialogues.follow(leaf, mcts_branching);
    leaf.isTerminal = leaf.children.length === 0;
    return leaf.children[0] ?? leaf;
  };

  // Every reply is visited once before any is visited again, whatever the values are: the first visits can run at once.
  const first = root.children.slice(0, simulations);
  progress.say(
    mcts_depth === 0 ? 'Rating the replies.' : 'Playing the conversation on after each reply, and rating it.',
  );
  await Promise.all(first.map(visit));

  const isForOne = (call.request.value.n ?? 1) === 1;
  for (let made = first.length; made < simulations; made++) {
    if (mcts_early_stop && isForOne && isDecided(root.children, simulations - made)) {
      call.trace.note({ saved_calls: callsFrom(made, first.length, options) });
      return;
    }
    if (call.signal.aborted) return;
    const leaf = select(root, mcts_exploration);
    const needsCalls = leaf.visits === 0 || !leaf.isTerminal;
    if (needsCalls && !call.canSpend()) return reportDegraded(call.exchange, 'budget');
    progress.say(`Simulation ${made + 1} of ${simulations}.`);
    await visit(await expanded(leaf));
  }
}

/**
 * For the trace: the most calls that the simulations after the first `made` could take. The first visits of replies
 * need no expansion.
 */
function callsFrom(made: number, replies: number, { mcts_simulations, mcts_depth }: Options): number {
  const first = Math.max(0, Math.min(replies, mcts_simulations) - made);
  const later = mcts_simulations - made - first;
  return first * (2 * mcts_depth + 1) + (mcts_depth === 0 ? 0 : later * (2 * mcts_depth + 2));
}

function areEqual(candidates: readonly Answer[]): boolean {
  return new Set(candidates.map((candidate) => toolCallKey(candidate) ?? candidateText(candidate))).size === 1;
}
