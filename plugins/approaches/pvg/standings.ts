/**
 * The winner of a round. Only helpful solutions can win; the scores of sneaky ones show whether the verifier can be
 * trusted.
 */
import { agreementOf, groupsOf, rankBy, sameResult, type Answer, type Merits } from '../../../core/approach/index.ts';

/** 0 to `MAX_SCORE`; null if the verifier failed or cannot be read. */
export type Score = number | null;

/** A solution with its score. */
export interface Verified {
  readonly solution: Answer;
  readonly score: Score;
}

/** A helpful solution with the numbers that decide its place. */
export interface Standing extends Verified {
  /** Its place in the round, from 0. */
  readonly index: number;
  /** The score, less the penalty if it comes to a sneaky solution's answer. Null without a score. */
  readonly worth: Score;
  /** How many helpful solutions, itself included, come to its answer. */
  readonly agreeing: number;
}

/** How a round ended. */
export interface RoundVerdict {
  /** Helpful solutions, best first. */
  readonly ranking: readonly Standing[];
  /** Does every sneaky solution score below the best helpful one? */
  readonly isTrusted: boolean;
  /** How much higher the helpful solutions score on average; null if one kind has no score. */
  readonly discrimination: number | null;
}

/** The verifier's highest score. */
export const MAX_SCORE = 10;

/**
 * What a helpful solution loses if a sneaky one comes to its answer, unless it is in the largest group of helpful ones:
 * half the scale.
 */
const PENALTY = 5;

/** Ranks the helpful solutions: by worth if the verifier is trusted, else by how many of them agree. */
export function judge(helpful: readonly Verified[], sneaky: readonly Verified[]): RoundVerdict {
  const isTrusted = !(bestOf(sneaky) >= bestOf(helpful) && sneaky.some(({ score }) => score !== null));
  const standings = standingsOf(helpful, sneaky);
  return {
    ranking: rankBy(standings, isTrusted ? byWorth : byAgreement),
    isTrusted,
    discrimination: difference(meanOf(helpful), meanOf(sneaky)),
  };
}

function standingsOf(helpful: readonly Verified[], sneaky: readonly Verified[]): readonly Standing[] {
  const isSame = sameResult();
  const solutions = helpful.map(({ solution }) => solution);
  const agreeing = agreementOf(solutions);
  const [largest, second] = groupsOf(solutions, isSame);
  const majority = (largest?.length ?? 0) > (second?.length ?? 0) ? largest : undefined;
  return helpful.map(({ solution, score }, index) => {
    const isSuspect = !majority?.includes(solution) && sneaky.some((other) => isSame(solution, other.solution));
    return {
      solution,
      score,
      index,
      worth: score !== null && isSuspect ? score - PENALTY : score,
      agreeing: agreeing[index] ?? 0,
    };
  });
}

/** By worth. Those without a score come last, by how many agree. */
function byWorth({ worth, agreeing }: Standing): Merits {
  return worth === null ? [-Infinity, agreeing] : [worth, 0];
}

function byAgreement({ worth, agreeing }: Standing): Merits {
  return [agreeing, worth ?? -Infinity];
}

function bestOf(solutions: readonly Verified[]): number {
  return Math.max(...solutions.map(({ score }) => score ?? -Infinity));
}

function meanOf(solutions: readonly Verified[]): number | null {
  const scores = solutions.map(({ score }) => score).filter((score) => score !== null);
  return scores.length === 0 ? null : scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

function difference(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a - b;
}
