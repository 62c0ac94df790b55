/** Choosing among programs without running them. */
import {
  candidateText,
  groupsOf,
  normalizeProgram,
  programOf,
  toolCallKey,
  type Answer,
} from '../../../core/approach/index.ts';

export interface Agreement {
  /** Undefined only where there is no candidate. */
  readonly winner: Answer | undefined;
  /** How many programs are the same, for each kind, the most first. */
  readonly votes: readonly number[];
}

/**
 * The program that most candidates wrote; where no two wrote the same, the one that is most like the others (minimum Bayes
 * risk over the words they share). The first of equals.
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
  const likeness = words.map((own) => words.reduce((sum, other) => sum + shared(own, other), 0));
  return candidates[likeness.indexOf(Math.max(...likeness))];
}

/** Jaccard similarity. */
function shared(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const both = [...a].filter((word) => b.has(word)).length;
  return both === 0 ? 0 : both / (a.size + b.size - both);
}
