/** Choosing one of several candidates: by ratings, by comparisons or by a vote. */
import {
  answerOf,
  reportLostStage,
  groupsOf,
  sameResult,
  stripThinking,
  toolCallKey,
  type Answer,
  type FinalOptions,
} from '../../../core/approach/index.ts';
import { compare, rate, type Judging } from './judges.ts';

export interface Selection {
  /** Best first. */
  readonly order: readonly Answer[];
  readonly why: string;
  /** What the choice rests on, by candidate. */
  readonly facts: Readonly<Record<string, readonly (number | null)[]>>;
}

export async function select(candidates: readonly Answer[], judging: Judging): Promise<Selection> {
  if (candidates.length === 1) return { order: candidates, why: 'it is the only usable candidate', facts: {} };
  const { bestofn_rating_type: type } = judging.options;
  if (type === 'pairwise') return byComparison(candidates, judging);
  const vote = type === 'majority' ? byVote(candidates) : undefined;
  return vote ?? byRating(candidates, judging);
}

/** The highest rating; of equal ones the answer of most, then, where answers contradict each other, what wins comparisons. */
async function byRating(candidates: readonly Answer[], judging: Judging): Promise<Selection> {
  judging.call.exchange.progress.say(`${candidates.length} candidates are there, rating each.`);
  const ratings = await Promise.all(candidates.map((candidate) => rate(candidate, judging)));
  if (ratings.every((rating) => rating === null)) return byPlurality(candidates, judging);
  const agreeing = agreementOf(candidates);
  const merits = candidates.map((_, index) => [ratings[index] ?? -1, agreeing[index] ?? 0]);
  const [first = 0, ...others] = rank(merits);
  const tied = [first, ...others.filter((other) => difference(merits[other], merits[first]) === 0)];
  const facts = { ratings, agreeing };
  if (tied.length === 1) {
    const isHighest = ratings.filter((rating) => rating === ratings[first]).length === 1;
    const why = isHighest ? 'it is rated highest' : 'of those rated highest most candidates agree with it';
    return { order: at(candidates, [first, ...others]), why, facts };
  }
  const points = await compare(at(candidates, tied), (a, b) => !contradict(a, b), judging);
  const decided = merits.map((merit, index) => [...merit, points?.[tied.indexOf(index)] ?? 0]);
  return {
    order: at(candidates, rank(decided)),
    why: 'of those rated highest it wins the comparisons, or is the first',
    facts: { ...facts, ...(points ? { points } : {}) },
  };
}

/** The most points of comparisons with all others; two that come to the same answer need none. */
async function byComparison(candidates: readonly Answer[], judging: Judging): Promise<Selection> {
  judging.call.exchange.progress.say(`${candidates.length} candidates are there, comparing them.`);
  const points = await compare(candidates, sameResult(), judging);
  if (!points) return byPlurality(candidates, judging);
  const agreeing = agreementOf(candidates);
  const order = rank(points.map((value, index) => [value, agreeing[index] ?? 0]));
  return { order: at(candidates, order), why: 'it has most points', facts: { points } };
}

/**
 * The answer that most come to: the one they state, or, where nobody states one, the number that they end with. Undefined
 * where there is neither.
 */
function byVote(candidates: readonly Answer[]): Selection | undefined {
  const isStated = candidates.some(statesResult);
  const voters = candidates.filter(isStated ? statesResult : endsWithNumber);
  if (voters.length === 0) return undefined;
  const agreeing = agreementOf(voters, { isNumeric: !isStated });
  const votes = candidates.map((candidate) => agreeing[voters.indexOf(candidate)] ?? 0);
  const order = rank(votes.map((value) => [value]));
  return { order: at(candidates, order), why: 'most candidates come to its answer', facts: { votes } };
}

/** Where no judge said anything of use. */
function byPlurality(candidates: readonly Answer[], { call }: Judging): Selection {
  reportLostStage(call.exchange, 'judges_failed');
  const agreeing = agreementOf(candidates);
  const order = rank(agreeing.map((value) => [value]));
  return {
    order: at(candidates, order),
    why: 'no judgement could be read, and most candidates agree with it, or it is the first',
    facts: { agreeing },
  };
}

/** How many come to the answer of each, itself included. */
function agreementOf(candidates: readonly Answer[], reading?: FinalOptions): readonly number[] {
  const groups = groupsOf(candidates, sameResult(reading));
  return candidates.map((candidate) => groups.find((group) => group.includes(candidate))?.length ?? 0);
}

function statesResult(candidate: Answer): boolean {
  return toolCallKey(candidate) !== undefined || answerOf(candidate.text) !== null;
}

function endsWithNumber({ text }: Answer): boolean {
  return /\d\W*$/.test(stripThinking(text));
}

function contradict(a: Answer, b: Answer): boolean {
  return statesResult(a) && statesResult(b) && !sameResult()(a, b);
}

type Merit = readonly number[];

/** Places of the merits, highest first: the first number that differs decides, then the earlier place. */
function rank(merits: readonly Merit[]): readonly number[] {
  return [...merits.keys()].toSorted((a, b) => difference(merits[b], merits[a]) || a - b);
}

function difference(a: Merit = [], b: Merit = []): number {
  const place = a.findIndex((value, index) => value !== b[index]);
  return place < 0 ? 0 : (a[place] ?? 0) - (b[place] ?? 0);
}

function at(candidates: readonly Answer[], places: readonly number[]): readonly Answer[] {
  return places.flatMap((place) => candidates[place] ?? []);
}
