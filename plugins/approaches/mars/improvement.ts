/** Phase 4: what was rejected is corrected after its last report, and verified again. */
import type { Work } from '../../../core/approach/index.ts';
import { improvement } from './prompts.ts';
import type { Settings } from './settings.ts';
import { generate, type Solution } from './solution.ts';
import { untilConsensus, verify } from './verification.ts';

export interface Improved {
  readonly solutions: readonly Solution[];
  readonly iterations: number;
  readonly aborted: number;
}

/** Rounds of improvement, until enough solutions are verified, or there is nothing to improve or to improve it with. */
export async function improveRejected(pool: readonly Solution[], work: Work<Settings>): Promise<Improved> {
  const { call, options: settings } = work;
  let solutions = pool;
  let iterations = 0;
  let aborted = 0;
  while (iterations < settings.max_iterations && isWorthwhile(solutions, work)) {
    iterations++;
    call.exchange.progress.say(`Improving what was rejected, round ${iterations}.`);
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

/** A rejected solution corrected and verified anew; any other, and one that no correction came for, as it is. */
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

/** The lines of a report that name an issue: those below its label, or, without one, all items of lists. */
export function issuesIn(report: string): readonly string[] {
  const section = /^[ \t*_#]*issues[*_]*:[*_]*(.*(?:\n(?![ \t*_#]*[a-z]+[*_]*:).*)*)/im.exec(report)?.[1];
  const lines = (section ?? report).split('\n').map((line) => line.trim());
  const isIssue = (line: string) => /^(?:[-*•]|\d+[.)])\s*\S/.test(line) && !/^\W*none\W*$/i.test(line);
  return lines.filter(isIssue);
}
