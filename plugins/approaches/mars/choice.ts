/** Phase 5: which solution is the answer. */
import { groupsOf, normalizeAnswer, rankBy } from '../../../core/approach/index.ts';
import { comesToTheSame, resultOf, scoreOf, type Solution } from './solution.ts';

const VERIFIED = 'of the verified solutions with the most common answer the most confident one';
const VOTED = 'none is verified: the most confident one with the most common answer';

/** The solution to return, and for the trace why. */
export interface Choice {
  readonly solution: Solution;
  readonly why: string;
}

/**
 * The most confident solution of the largest group that comes to one answer. Verified solutions are grouped among
 * themselves; if none is verified, all are, and a group needs two members. Undefined if there is no such group.
 */
export function chosen(pool: readonly Solution[]): Choice | undefined {
  const verified = pool.filter(({ standing }) => standing === 'verified');
  const isVerified = verified.length > 0;
  const [group] = groupsIn(isVerified ? verified : pool);
  const [solution] = group ?? [];
  if (!solution || !group || (!isVerified && group.length < 2)) return undefined;
  return { solution, why: isVerified ? VERIFIED : VOTED };
}

/**
 * Solutions grouped by their result: the largest group first, then the one with the most confident member. It comes
 * first in its group.
 */
export function groupsIn(solutions: readonly Solution[]): readonly (readonly Solution[])[] {
  const mostConfidentFirst = rankBy(solutions, ({ confidence }) => [confidence]);
  return groupsOf(mostConfidentFirst, (a, b) => comesToTheSame(a.answer, b.answer));
}

/** What verifiers found, for the synthesis prompt: passes, and the last objection to each solution. */
export function summaryOf(best: readonly Solution[]): string {
  const lines = best.map(({ reports, standing }, index) => {
    const objection = reports.findLast(({ verdict }) => verdict !== 'correct');
    const passed = reports.filter(({ verdict }) => verdict === 'correct').length;
    const head = `Solution ${index + 1}: ${standing}, ${passed} of ${reports.length} verifications passed.`;
    return objection ? `${head}\n${objection.text}` : head;
  });
  return lines.join('\n');
}

const MAX_SHOWN = 80;

/** For the trace: how the solutions were verified, and what they come to. */
export function factsOf(pool: readonly Solution[]) {
  return {
    solutions: pool.length,
    verified: pool.filter(({ standing }) => standing === 'verified').length,
    scores: pool.map(scoreOf),
    confidences: pool.map(({ confidence }) => confidence),
    votes: groupsIn(pool).map(([first, ...others]) => ({
      answer: normalizeAnswer((first && resultOf(first.answer)) ?? '').slice(0, MAX_SHOWN),
      votes: 1 + others.length,
    })),
  };
}
