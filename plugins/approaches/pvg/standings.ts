/** Who wins a round. Only helpful solutions can; the sneaky ones tell how far the verifier is to be trusted. */
import { groupsOf, sameResult, type Answer } from '../../../core/approach/index.ts';

/** Null where the verifier gave none that can be read. */
export type Score = number | null;

export interface Verified {
  readonly solution: Answer;
  readonly score: Score;
}

/** A helpful solution with all that decides its place. */
export interface Standing extends Verified {
  /** Its place in the round, from 0. */
  readonly index: number;
  /** The score, less what it loses for coming to a sneaky solution's answer. */
  readonly worth: Score;
  /** How many helpful solutions, itself included, come to its answer. */
  readonly agreeing: number;
}

export interface Verdict {
  /** Helpful solutions, best first. */
  readonly ranking: readonly Standing[];
  /** Does every sneaky solution score below the best helpful one? */
  readonly isTrusted: boolean;
  /** How much higher the helpful solutions score on average; null where one side has no score. */
  readonly discrimination: number | null;
}

export const MAX_SCORE = 10;

/** What a solution loses that alone, or with a minority, comes to an answer that was made to be wrong: half the scale. */
const PENALTY = 5;

export function judge(helpful: readonly Verified[], sneaky: readonly Verified[]): Verdict {
  const isTrusted = !(bestOf(sneaky) >= bestOf(helpful) && sneaky.some(({ score }) => score !== null));
  const standings = standingsOf(helpful, sneaky);
  const compare = isTrusted ? byWorth : byAgreement;
  return {
    ranking: standings.toSorted((a, b) => compare(a, b) || a.index - b.index),
    isTrusted,
    discrimination: difference(meanOf(helpful), meanOf(sneaky)),
  };
}

function standingsOf(helpful: readonly Verified[], sneaky: readonly Verified[]): readonly Standing[] {
  const isSame = sameResult();
  const groups = groupsOf(
    helpful.map(({ solution }) => solution),
    isSame,
  );
  const [largest, second] = groups;
  const majority = (largest?.length ?? 0) > (second?.length ?? 0) ? largest : undefined;
  return helpful.map(({ solution, score }, index) => {
    const isSuspect = !majority?.includes(solution) && sneaky.some((other) => isSame(solution, other.solution));
    return {
      solution,
      score,
      index,
      worth: score !== null && isSuspect ? score - PENALTY : score,
      agreeing: groups.find((group) => group.includes(solution))?.length ?? 0,
    };
  });
}

/** By worth; where no score could be read, by how many agree. */
function byWorth(a: Standing, b: Standing): number {
  if (a.worth === null && b.worth === null) return b.agreeing - a.agreeing;
  return (b.worth ?? -Infinity) - (a.worth ?? -Infinity);
}

function byAgreement(a: Standing, b: Standing): number {
  return b.agreeing - a.agreeing || byWorth(a, b);
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
