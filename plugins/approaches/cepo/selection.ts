/** The choice of one candidate among several: by ratings, by comparisons or by a vote. */
import {
  agreementOf,
  answerOf,
  classesOf,
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
import { compare, rate, settle } from './judges.ts';
import type { Options } from './options.ts';

/** The candidates in order, and for the trace what decided it. */
export interface Selection {
  /** Best first. */
  readonly order: readonly Answer[];
  readonly why: string;
  /** For the trace: the numbers that the choice rests on, by candidate. */
  readonly facts: Readonly<Record<string, Scores>>;
}

/** Orders the candidates. A vote in which no candidate has an answer falls back to ratings. */
export async function select(candidates: readonly Answer[], work: Work<Options>): Promise<Selection> {
  if (candidates.length === 1) return { order: candidates, why: 'it is the only usable candidate', facts: {} };
  const { bestofn_rating_type: type } = work.options;
  if (type === 'pairwise') return byComparison(candidates, work);
  const vote = type === 'majority' ? byVote(candidates) : undefined;
  return vote ?? byRating(candidates, work);
}

/**
 * By rating, then by how many candidates come to the same answer. Of those that are equal in both and contradict each
 * other, by comparisons.
 */
async function byRating(candidates: readonly Answer[], work: Work<Options>): Promise<Selection> {
  work.call.progress.say(`${candidates.length} candidates are there, rating each.`);
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
  // Of those that do not contradict each other, one is shown to the judges for all.
  const sides = classesOf(
    tied.map(({ candidate }) => candidate),
    (a, b) => !contradict(a, b),
  );
  const firsts = sides.flatMap(([first]) => first ?? []);
  const points = sides.length > 1 ? await settle(firsts, work) : undefined;
  const pointsOf = (candidate: Answer) => points?.[sides.findIndex((side) => side.includes(candidate))] ?? 0;
  const order = rankBy(rated, ({ candidate, merits }) => [...merits, pointsOf(candidate)]);
  return {
    order: order.map(({ candidate }) => candidate),
    why: points ? 'of those rated highest judges prefer it' : 'of those rated highest it is the first',
    facts: { ...facts, ...(points ? { points: candidates.map(pointsOf) } : {}) },
  };
}

/** By points from comparisons with all others. Two candidates that come to the same answer are not compared. */
async function byComparison(candidates: readonly Answer[], work: Work<Options>): Promise<Selection> {
  work.call.progress.say(`${candidates.length} candidates are there, comparing them.`);
  const compared = await compare(candidates, work, { isEven: sameResult() });
  if (compared.isUnread) return byPlurality(candidates, work);
  const points = compared.points.map((value) => value ?? 0);
  return { order: ordered(candidates, points, agreementOf(candidates)), why: 'it has most points', facts: { points } };
}

/**
 * By how many candidates come to the same answer: the one they state, or, if no candidate states one, the number they end
 * with. Undefined if there is neither.
 */
function byVote(candidates: readonly Answer[]): Selection | undefined {
  const isStated = candidates.some(statesResult);
  const voters = candidates.filter(isStated ? statesResult : endsWithNumber);
  if (voters.length === 0) return undefined;
  const agreeing = agreementOf(voters, { isNumeric: !isStated });
  const votes = candidates.map((candidate) => agreeing[voters.indexOf(candidate)] ?? 0);
  return { order: ordered(candidates, votes), why: 'most candidates come to its answer', facts: { votes } };
}

/** By how many candidates come to the same answer, if no judge can be read. Tells the client so. */
function byPlurality(candidates: readonly Answer[], { call }: Work<Options>): Selection {
  reportLostStage(call.exchange, 'judges_failed');
  const agreeing = agreementOf(candidates);
  return {
    order: ordered(candidates, agreeing),
    why: 'no judgement could be read, and most candidates agree with it, or it is the first',
    facts: { agreeing },
  };
}

/** The candidates by the first list of numbers, highest first, then by the second. */
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
