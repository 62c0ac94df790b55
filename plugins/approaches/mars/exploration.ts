/** Phase 1: each agent solves the problem alone. */
import { firstByRank, isFreeText, survive, toolCallKey, type Answer, type Work } from '../../../core/approach/index.ts';
import { exploration } from './prompts.ts';
import { comesToTheSame, generation, type Effort, type Solution } from './solution.ts';
import type { Settings } from './settings.ts';

const TEMPERATURES = [0.3, 0.6, 1] as const;

/** The temperature of the agent with this index. */
export function temperatureOf(agent: number): number {
  return TEMPERATURES[agent % TEMPERATURES.length] ?? 1;
}

function effortAt(temperature: number): Effort {
  if (temperature <= 0.4) return 'low';
  return temperature <= 0.8 ? 'medium' : 'high';
}

/** Each agent's answer; undefined if its call failed. If all failed, throws the failure that ranks first. One round. */
export async function explore(work: Work<Settings>): Promise<readonly (Answer | undefined)[]> {
  const { call, next, options: settings } = work;
  const failures: unknown[] = [];
  const solve = async (agent: number) => {
    const temperature = temperatureOf(agent);
    const asked = generation(work, {
      instruction: exploration({
        agent: agent + 1,
        agents: settings.num_agents,
        temperature,
        isFree: isFreeText(call),
      }),
      temperature,
      effort: effortAt(temperature),
      role: 'candidate',
    });
    try {
      return await next.ask(asked);
    } catch (error) {
      failures[agent] = error;
      throw error;
    }
  };
  const answers = await Promise.all(
    Array.from({ length: settings.num_agents }, (_, agent) => survive(solve(agent), call)),
  );
  if (answers.every((answer) => answer === undefined)) throw firstByRank(failures);
  return answers;
}

/**
 * The agents' usable answers, without tool calls, as solutions. The confidence of each is the share of solutions that come
 * to the same answer.
 */
export function toSolutions(answers: readonly (Answer | undefined)[], usable: readonly Answer[]): readonly Solution[] {
  const texts = usable.filter((answer) => toolCallKey(answer) === undefined);
  return answers.flatMap((answer, agent): Solution[] => {
    if (!answer || !texts.includes(answer)) return [];
    const agreeing = texts.filter((other) => other === answer || comesToTheSame(other, answer));
    const confidence = agreeing.length / texts.length;
    return [{ answer, temperature: temperatureOf(agent), confidence, standing: 'unverified', reports: [] }];
  });
}
