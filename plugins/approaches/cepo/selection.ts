/** Choosing one of several candidates: by ratings, by comparisons or by a vote. */
import {
  agreementOf,
  answerOf,
  compareMerits,
  rankBy,
  reportLostStage,
  sameResult,
  stripThinking,
  toolCallKey,
  type Answer,
  type Scores,
  type Work,
} from '../../../core/approach/index.ts';
import { compare, rate } from './judges.ts';
import type { Options } from './options.ts';

export interface Selection {
  /** Best first. */
  readonly order: readonly Answer[];
  readonly why: string;
  /** What the choice rests on, by candidate. */
  readonly facts: Readonly<Record<string, Scores>>;
}

export async function select(candidates: readonly Answer[], work: Work<Options>): Promise<Selection> {
  if (candidates.length === 1) return { order: candidates, why: 'it is the only usable candidate', facts: {} };
  const { bestofn_rating_type: type } = work.options;
  if (type === 'pairwise') return byComparison(candidates, work);
  const vote = type === 'majority' ? byVote(candidates) : undefined;
  return vote ?? byRating(candidates, work);
}

/** The highest rating; of equal ones the answer of most, then, where answers contradict each other, what wins comparisons. */
async function byRating(candidates: readonly Answer[], work: Work<Options>): Promise<Selection> {
  work.call.exchange.progress.say(`${candidates.length} candidates are there, rating each.`);
  const ratings = await rate(candidates, work);
  if (ratings.every((rating) => rating === null)) return byPlurality(candidates, work);
  const agreeing = agreementOf(candidates);
  const rated = candidates.map((candidate, index) => ({
    candidate,
    rating: ratings[index],
    merits: [ratings[index] ?? -1, agreeing[index] ?? 0],
  }));
  const ranked = rankBy(rated, ({ merits }) => merits);
  const tied = ranked.filter(({ merits }) => compareMerits(merits, ranked[0]?.merits ?? []) === 0);
  const facts = { ratings, agreeing };
  if (tied.length === 1) {
    const isHighest = ratings.filter((rating) => rating === tied[0]?.rating).length === 1;
    const why = isHighest ? 'it is rated highest' : 'of those rated highest most candidates agree with it';
    return { order: ranked.map(({ candidate }) => candidate), why, facts };
  }
  const contenders = tied.map(({ candidate }) => candidate);
  const compared = await compare(contenders, work, { isEven: (a, b) => !contradict(a, b), lost: null });
  const points = compared.isUnread ? undefined : compared.points.map((value) => value ?? 0);
  const order = rankBy(rated, ({ candidate, merits }) => [...merits, points?.[contenders.indexOf(candidate)] ?? 0]);
  return {
    order: order.map(({ candidate }) => candidate),
    why: 'of those rated highest it wins the comparisons, or is the first',
    facts: { ...facts, ...(points ? { points } : {}) },
  };
}

/** The most points of comparisons with all others; two that come to the same answer need none. */
async function byComparison(candidates: readonly Answer[], work: Work<Options>): Promise<Selection> {
  work.call.exchange.progress.say(`${candidates.length} candidates are there, comparing them.`);
  const compared = await compare(candidates, work, { isEven: sameResult() });
  if (compared.isUnread) return byPlurality(candidates, work);
  const points = compared.points.map((value) => value ?? 0);
  return { order: ordered(candidates, points, agreementOf(candidates)), why: 'it has most points', facts: { points } };
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
  return { order: ordered(candidates, votes), why: 'most candidates come to its answer', facts: { votes } };
}

/** Where no judge said anything of use. */
function byPlurality(candidates: readonly Answer[], { call }: Work<Options>): Selection {
  reportLostStage(call.exchange, 'judges_failed');
  const agreeing = agreementOf(candidates);
  return {
    order: ordered(candidates, agreeing),
    why: 'no judgement could be read, and most candidates agree with it, or it is the first',
    facts: { agreeing },
  };
}

/** By the first number that candidates have, highest first, then by the second. */
function ordered(candidates: readonly Answer[], ...numbers: readonly (readonly number[])[]): readonly Answer[] {
  const rated = candidates.map((candidate, index) => ({ candidate, merits: numbers.map((of) => of[index] ?? 0) }));
  return rankBy(rated, ({ merits }) => merits).map(({ candidate }) => candidate);
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
