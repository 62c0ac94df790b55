/** The order of candidates: by score, then by how many come to the same answer, then as they came. */
import { compareMerits, rankBy, type Answer, type Merits, type Scores } from '../../../core/approach/index.ts';

/** The highest score in pointwise rating, where each candidate is judged alone. */
export const MAX_SCORE = 10;

/** A candidate with the numbers that decide its place. */
export interface Rated {
  readonly answer: Answer;
  readonly index: number;
  /**
   * Undefined if the judge failed, could not be read or has not answered: the candidate then comes after all with a
   * score.
   */
  readonly score: number | undefined;
  /** How many candidates, itself included, come to its answer. */
  readonly agreeing: number;
}

/**
 * The candidates, best first. Without any score, those come first whose answer most candidates come to.
 * @param agreeing  For each candidate, how many come to its answer, itself included.
 */
export function byScore(candidates: readonly Answer[], scores: Scores, agreeing: readonly number[]): readonly Rated[] {
  return rankBy(rated(candidates, scores, agreeing), meritsOf);
}

interface Standings {
  readonly scores: Scores;
  readonly agreeing: readonly number[];
  /** How many of the best are returned. */
  readonly places: number;
}

/**
 * Are the first `places` certain, whatever the open judges say? They are if each candidate without a score would come
 * after them even with the highest score.
 */
export function isCertain(candidates: readonly Answer[], { scores, agreeing, places }: Standings): boolean {
  const all = rated(candidates, scores, agreeing);
  const scored = all.filter(({ score }) => score !== undefined);
  const last = rankBy(scored, meritsOf)[places - 1];
  if (!last) return false;
  const open = all.filter(({ index }) => scores[index] === undefined);
  return open.every((candidate) => compareMerits(meritsOf(last), meritsOf({ ...candidate, score: MAX_SCORE })) < 0);
}

/** For the trace: why the first of a ranking is the first. */
export function whyFirst(ranking: readonly Rated[]): string {
  const [first] = ranking;
  if (!first || ranking.length === 1) return 'it is the only usable candidate';
  const isRated = first.score !== undefined;
  const equals = ranking.filter(({ score }) => score === first.score);
  if (isRated && equals.length === 1) return 'it is rated highest';
  const among = isRated ? 'of those rated highest' : 'no rating could be read, and of all candidates';
  const isAgreed = equals.some(({ agreeing }) => agreeing < first.agreeing);
  return `${among} it ${isAgreed ? 'comes to the answer that most agree on' : 'is the first'}`;
}

function rated(candidates: readonly Answer[], scores: Scores, agreeing: readonly number[]): readonly Rated[] {
  return candidates.map((answer, index) => ({
    answer,
    index,
    score: scores[index] ?? undefined,
    agreeing: agreeing[index] ?? 0,
  }));
}

function meritsOf({ score = -1, agreeing, index }: Rated): Merits {
  return [score, agreeing, -index];
}
