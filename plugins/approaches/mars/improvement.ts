/** Phase 4: rejected solutions are corrected by their last report, and verified again. */
import type { Work } from '../../../core/approach/index.ts';
import { improvement } from './prompts.ts';
import type { Settings } from './settings.ts';
import { generate, type Solution } from './solution.ts';
import { untilConsensus, verify } from './verification.ts';

/** What improvement came to. */
export interface Improved {
  readonly solutions: readonly Solution[];
  readonly iterations: number;
  /** Calls that were open when a consensus ended an iteration. */
  readonly aborted: number;
}

/** Iterations of improvement, until enough solutions are verified, none is rejected, or no correction comes. */
export async function improveRejected(pool: readonly Solution[], work: Work<Settings>): Promise<Improved> {
  const { call, options: settings } = work;
  let solutions = pool;
  let iterations = 0;
  let aborted = 0;
  while (iterations < settings.max_iterations && isWorthwhile(solutions, work)) {
    iterations++;
    call.progress.say(`Improving what was rejected, round ${iterations}.`);
    const before = solutions;
    const outcome = await untilConsensus(before, work, reworked);
    ({ solutions } = outcome);
    aborted += outcome.aborted;
    if (solutions.every((solution, index) => solution === before[index])) break;
  }
  return { solutions, iterations, aborted };
}

function isWorthwhile(solutions: readonly Solution[], { options: settings }: Work<Settings>): boolean {
  const verified = solutions.filter(({ standing }) => standing === 'verified').length;
  const isRejected = solutions.some(({ standing }) => standing === 'rejected');
  return verified < settings.min_verified_solutions && isRejected;
}

/** A rejected solution, corrected and verified anew. Any other, and one whose correction fails, is returned as it is. */
async function reworked(solution: Solution, work: Work<Settings>): Promise<Solution> {
  const report = solution.reports.findLast(({ verdict }) => verdict === 'incorrect' || verdict === 'incomplete');
  if (solution.standing !== 'rejected' || !report) return solution;
  const answer = await generate(work, {
    instruction: improvement(solution, report.text, issuesIn(report.text)),
    temperature: 0.8 * solution.temperature,
    effort: 'high',
    role: 'improvement',
  });
  return answer ? verify({ ...solution, answer, standing: 'unverified', reports: [] }, work) : solution;
}

/** The list items of a report that name an issue: those under its label `Issues:`, or all if it has no such label. */
export function issuesIn(report: string): readonly string[] {
  const section = /^[ \t*_#]*issues[*_]*:[*_]*(.*(?:\n(?![ \t*_#]*[a-z]+[*_]*:).*)*)/im.exec(report)?.[1];
  const lines = (section ?? report).split('\n').map((line) => line.trim());
  const isIssue = (line: string) => /^(?:[-*•]|\d+[.)])\s*\S/.test(line) && !/^\W*none\W*$/i.test(line);
  return lines.filter(isIssue);
}
