/** The search over ideas: one branch for each of several subsets of the observations, and two programs in each branch. */
import type { Reply } from '../../../core/index.ts';
import {
  answersBlock,
  anyOf,
  chooseOne,
  noneUsable,
  usableOf,
  type Answer,
  type Random,
} from '../../../core/approach/index.ts';
import { distinct } from './observations.ts';
import { mostAgreed } from './programs.ts';
import { JUDGE, type Ideas } from './prompts.ts';
import { derive, observe, otherSketch, programCall, pseudocode, sketch, type Search } from './steps.ts';

/** The size of the tree, and how a program is chosen. */
export interface TreeOptions {
  /** First observations. */
  readonly observations: number;
  /** Observations derived in each branch; 0 = none, and one call less in each. */
  readonly derived: number;
  readonly branches: number;
  readonly select: 'plurality' | 'judge';
}

/** As many branches as the budget has calls for. Below 1, there are calls for a chain at most. */
export function affordableBranches({ call, runs }: Search, { branches, derived, select }: TreeOptions): number {
  const room = Math.floor(call.callsLeft / runs) - (select === 'judge' ? 2 : 1);
  return Math.min(branches, Math.floor(room / (derived > 0 ? 7 : 6)));
}

/** The whole search. Calls: 1 + 7·branches, in 6 rounds; one of each more with a judge. */
export async function searchTree(search: Search, options: TreeOptions, random: Random): Promise<Reply> {
  const { call } = search;
  const { progress } = call;
  progress.say('Looking for observations.');
  const observed = await observe(search, options.observations);
  const subsets = random.subset(subsetsOf(observed), options.branches);

  progress.say(`${observed.length} observations, following ${subsets.length} combinations of them.`);
  const branches = subsets.map((subset) => ideasFrom(subset, search, options.derived));
  const programs = branches.flatMap((ideas) => [
    ideas.then((first) => program(first, search)),
    ideas.then((first) => otherIdeas(first, search)).then((second) => program(second, search)),
  ]);
  const answers = await anyOf(programs, call);
  const candidates = usableOf(answers);
  const [first] = candidates;
  if (!first) return noneUsable(answers, call);

  progress.say(`${candidates.length} programs are there, choosing one.`);
  const { winner, votes } = mostAgreed(candidates);
  const judged = options.select === 'judge' && votes.length > 1 ? await favourite(candidates, search) : undefined;
  const best = judged ?? winner ?? first;
  call.trace.note({
    observations: observed.length,
    branches: subsets.length,
    programs: candidates.length,
    votes,
    winner: candidates.indexOf(best),
    why: judged ? 'the judge chose it' : votes[0] === 1 ? 'most like the others' : 'most programs are the same',
  });
  return best.reply;
}

async function ideasFrom(subset: readonly string[], search: Search, count: number): Promise<Ideas> {
  const derived = count > 0 ? await derive(search, subset, count) : [];
  const observations = distinct([...subset, ...derived]);
  return { observations, sketch: await sketch(search, observations) };
}

/** The ideas with another solution; the same ideas if there is none. */
async function otherIdeas(ideas: Ideas, search: Search): Promise<Ideas> {
  const other = ideas.sketch === '' ? '' : await otherSketch(search, ideas);
  return other === '' ? ideas : { ...ideas, sketch: other };
}

async function program(ideas: Ideas, search: Search): Promise<Answer> {
  const steps = ideas.sketch === '' ? '' : await pseudocode(search, ideas.sketch);
  return search.next.ask(programCall(search, { ...ideas, pseudocode: steps }, 'candidate'));
}

/** The candidate that a judge prefers; undefined if it fails or chooses none. One call. */
async function favourite(candidates: readonly Answer[], search: Search): Promise<Answer | undefined> {
  const user = answersBlock(search.call.request.value.messages, candidates);
  const prompt = { system: JUDGE, user, temperature: 0, evidence: candidates };
  const { index } = await chooseOne(search, { candidates, prompt });
  return index === null ? undefined : candidates[index];
}

/** All subsets with at most two members. */
export function subsetsOf(observations: readonly string[]): readonly (readonly string[])[] {
  const pairs = observations.flatMap((a, i) => observations.slice(i + 1).map((b) => [a, b]));
  return [[], ...observations.map((one) => [one]), ...pairs];
}
