/** The choice among programs without running them. */
import {
  candidateText,
  groupsOf,
  normalizeProgram,
  programOf,
  toolCallKey,
  type Answer,
} from '../../../core/approach/index.ts';

/** Which programs agree, and the one that this chooses. */
export interface Agreement {
  /** Undefined only if there is no candidate. */
  readonly winner: Answer | undefined;
  /** The sizes of the groups of equal programs, largest first. */
  readonly votes: readonly number[];
}

/**
 * The program that most candidates wrote. If no two wrote the same, the one most like the others: the one with the largest
 * sum of similarities (minimum Bayes risk). The first one if several are equal.
 */
export function mostAgreed(candidates: readonly Answer[]): Agreement {
  const groups = groupsOf(candidates, (a, b) => keyOf(a) === keyOf(b));
  const [largest = []] = groups;
  const winner = largest.length > 1 ? largest[0] : mostLikeOthers(candidates);
  return { winner, votes: groups.map(({ length }) => length) };
}

function keyOf(answer: Answer): string {
  return toolCallKey(answer) ?? normalizeProgram(programOf(answer.text));
}

function mostLikeOthers(candidates: readonly Answer[]): Answer | undefined {
  const words = candidates.map((answer) => new Set(candidateText(answer).match(/\w+|[^\w\s]/g)));
  const similarities = words.map((own) => words.reduce((sum, other) => sum + similarity(own, other), 0));
  return candidates[similarities.indexOf(Math.max(...similarities))];
}

/** How many of the words of two texts are in both: Jaccard similarity, 0 to 1. */
function similarity(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const both = [...a].filter((word) => b.has(word)).length;
  return both === 0 ? 0 : both / (a.size + b.size - both);
}
