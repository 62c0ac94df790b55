/** Phase 2b: each agent's strategy is extracted, and the other agents improve their solutions with it. */
import { questionBlock, type Work } from '../../../core/approach/index.ts';
import { CLASSIFIER, enhancement, reviewed, STRATEGIST } from './prompts.ts';
import type { Settings } from './settings.ts';
import { generate, judge, type Solution } from './solution.ts';

const MAX_STRATEGIES = 2;
/** From this confidence on, a strategy is preferred. */
const SURE = 0.6;
const LABELS = [
  'PROBLEM_TYPE',
  'APPROACH_TYPE',
  'KEY_INSIGHTS',
  'MATHEMATICAL_TECHNIQUES',
  'SOLUTION_PATTERN',
  'SUCCESS_INDICATORS',
] as const;

/** How an agent went about the problem. */
export interface Strategy {
  /** The index of the agent's solution among those explored. */
  readonly agent: number;
  /** The branch (algebra, geometry, …) that the strategy is for; undefined if it names none. */
  readonly type: string | undefined;
  readonly text: string;
  readonly confidence: number;
}

/**
 * The agents' solutions, each improved with strategies of others. One without such strategies, or whose call failed, is
 * left out. Calls: A + 1 to classify and extract, then A; two rounds.
 */
export async function enhance(explored: readonly Solution[], work: Work<Settings>): Promise<readonly Solution[]> {
  if (explored.length < 2) return [];
  const [branch, ...extracted] = await Promise.all([
    classify(explored, work),
    ...explored.map((solution, agent) => extract(solution, agent, work)),
  ]);
  const strategies = extracted.filter((strategy) => strategy !== undefined);
  const made = await Promise.all(
    explored.map(async (own, agent): Promise<Solution | undefined> => {
      const useful = usefulTo(agent, strategies, branch);
      if (useful.length === 0) return undefined;
      const temperature = 0.9 * own.temperature;
      const instruction = enhancement(
        own,
        useful.map(({ text }) => text),
      );
      const answer = await generate(work, { instruction, temperature, effort: 'high', role: 'enhancement' });
      const confidence = Math.min(own.confidence + 0.1, 1);
      return answer && { answer, temperature: own.temperature, confidence, standing: 'unverified', reports: [] };
    }),
  );
  return made.filter((solution) => solution !== undefined);
}

async function classify(explored: readonly Solution[], work: Work<Settings>): Promise<string | undefined> {
  const { messages } = work.call.request.value;
  const said = await judge(work, {
    system: CLASSIFIER,
    user: questionBlock(messages),
    temperature: 0.1,
    effort: 'low',
    role: 'classification',
    limit: 50,
    evidence: explored.map(({ answer }) => answer),
  });
  return said === undefined ? undefined : branchIn(said);
}

async function extract(solution: Solution, agent: number, work: Work<Settings>): Promise<Strategy | undefined> {
  const { call, options: settings } = work;
  const said = await judge(work, {
    system: STRATEGIST,
    user: reviewed(call.request.value.messages, solution),
    temperature: 0.3,
    effort: 'medium',
    role: 'strategy',
    limit: settings.max_tokens / 4,
    evidence: [solution.answer],
  });
  return said === undefined ? undefined : { agent, confidence: solution.confidence, ...readStrategy(said) };
}

/** The six labelled lines of a strategy; the whole text if it has none of them. */
export function readStrategy(said: string): Pick<Strategy, 'type' | 'text'> {
  const lines = LABELS.flatMap((label) => {
    const found = new RegExp(String.raw`^[ \t*_#-]*${label}[*_]*[ \t]*:[*_]*[ \t]*(\S.*)$`, 'im')
      .exec(said)?.[1]
      ?.trim();
    return found === undefined ? [] : [{ label, found }];
  });
  const type = lines.find(({ label }) => label === 'PROBLEM_TYPE')?.found;
  return {
    type: type === undefined ? undefined : branchIn(type),
    text: lines.length === 0 ? said.trim() : lines.map(({ label, found }) => `${label}: ${found}`).join('\n'),
  };
}

const BRANCH = /\b(?:algebra|geometry|combinatorics|number theory|analysis|programming|general)\b/i;

function branchIn(text: string): string | undefined {
  return BRANCH.exec(text)?.[0].toLowerCase();
}

/**
 * The two most confident strategies of other agents. Strategies are preferred whose agent is sure and which are for the
 * branch of the problem, or name none; if there is no such, all count.
 * @param branch  Of the problem; undefined = it could not be classified, and any branch fits.
 */
export function usefulTo(
  agent: number,
  strategies: readonly Strategy[],
  branch: string | undefined,
): readonly Strategy[] {
  const others = strategies
    .filter((strategy) => strategy.agent !== agent)
    .toSorted((a, b) => b.confidence - a.confidence);
  const fitting = others.filter(
    ({ type, confidence }) => confidence >= SURE && (type === undefined || branch === undefined || type === branch),
  );
  return (fitting.length > 0 ? fitting : others).slice(0, MAX_STRATEGIES);
}
