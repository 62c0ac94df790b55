/** Phase 2a: in each step, random groups of solutions are combined into one better solution each (arXiv:2509.26626). */
import type { Random, Work } from '../../../core/approach/index.ts';
import { aggregation } from './prompts.ts';
import type { Settings } from './settings.ts';
import { byScore, generate, type Solution } from './solution.ts';

const MAX_GROUPS = 3;
const TEMPERATURE = 0.7;
/** Of a combined solution, before it is verified. */
const CONFIDENCE = 0.8;

/** The population after the last step: the best of the given and of all new solutions. One round for each step. */
export async function aggregate(
  explored: readonly Solution[],
  work: Work<Settings>,
  random: Random,
): Promise<readonly Solution[]> {
  const { call, options: settings } = work;
  const { population_size, aggregation_size, aggregation_loops } = settings;
  const count = Math.min(Math.floor(population_size / aggregation_size), MAX_GROUPS);
  let population = explored;
  for (let step = 1; step <= aggregation_loops; step++) {
    call.progress.say(`Combining solutions, step ${step} of ${aggregation_loops}.`);
    const dealt = dealGroups(population, { size: aggregation_size, count, random });
    const made = await Promise.all(dealt.map((group) => combine(group, work)));
    population = byScore([...population, ...made.filter((solution) => solution !== undefined)]).slice(
      0,
      population_size,
    );
  }
  return population;
}

async function combine(group: readonly Solution[], work: Work<Settings>): Promise<Solution | undefined> {
  const answer = await generate(work, {
    instruction: aggregation(group),
    temperature: TEMPERATURE,
    effort: 'high',
    role: 'aggregation',
  });
  return answer && { answer, temperature: TEMPERATURE, confidence: CONFIDENCE, standing: 'unverified', reports: [] };
}

interface Dealing {
  /** Items in a group. */
  readonly size: number;
  /** How many groups. */
  readonly count: number;
  readonly random: Random;
}

/**
 * Groups of different items, dealt like cards from a shuffled deck: no item is dealt a second time before all were dealt
 * once. If there are fewer than `size` items, each group holds all of them.
 */
export function dealGroups<T>(items: readonly T[], { size, count, random }: Dealing): readonly T[][] {
  let deck: T[] = [];
  return Array.from({ length: count }, () => {
    const group: T[] = [];
    while (group.length < Math.min(size, items.length)) {
      if (deck.length === 0)
        deck = shuffled(
          items.filter((item) => !group.includes(item)),
          random,
        );
      group.push(...deck.splice(0, 1));
    }
    return group;
  });
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const keyed = items.map((item) => ({ item, key: random.next() }));
  return keyed.toSorted((a, b) => a.key - b.key).map(({ item }) => item);
}
