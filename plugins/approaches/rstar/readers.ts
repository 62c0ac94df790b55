/** Who reads the paths again: the discriminator, and the judge where there is nothing to vote on. */
import {
  chooseOne,
  diverseTemperature,
  survive,
  seedAt,
  withDefaultLimit,
  type Answer,
  type Random,
  type Work,
} from '../../../core/approach/index.ts';
import { judgesPrompt, readersPrompt } from './prompts.ts';
import { prefixOf } from './results.ts';
import { STEADY, type Path } from './rollouts.ts';
import { textOf, type ReadPath } from './votes.ts';

export interface ReaderOptions {
  readonly rstar_discriminator_model?: string | undefined;
  readonly max_tokens: number;
}

/** All paths at once, each completed by the second reader, who sees between 20 and 80 % of it. */
export function readAgain(
  paths: readonly Path[],
  random: Random,
  work: Work<ReaderOptions>,
): Promise<readonly ReadPath[]> {
  const prefixes = paths.map((path) => prefixOf(textOf(path), 0.2 + 0.6 * random.next()));
  return Promise.all(
    paths.map(async (path, index) => {
      const prefix = prefixes[index] ?? '';
      return { path, prefix, reading: await complete(prefix, index, work) };
    }),
  );
}

function complete(
  prefix: string,
  index: number,
  { call, next, options }: Work<ReaderOptions>,
): Promise<Answer | undefined> {
  const { messages, seed } = call.request.value;
  const reader = call.with(
    {
      messages: readersPrompt(messages, prefix),
      temperature: diverseTemperature(call, STEADY),
      ...withDefaultLimit(call, options.max_tokens),
      // Short paths may have no beginning to tell their readers apart by.
      ...(typeof seed === 'number' ? { seed: seedAt(seed, index) } : {}),
    },
    { role: 'discriminator' },
  );
  const { rstar_discriminator_model: model } = options;
  return survive(next.ask(model === undefined ? reader : next.to(reader, model)), call);
}

/** There is no short answer to vote on: the path first that a judge finds most consistent with the others. */
export async function chosenFirst(paths: readonly Path[], work: Work): Promise<readonly Path[]> {
  const { call } = work;
  call.exchange.progress.say('No line of reasoning states a short answer, choosing the most consistent one.');
  const evidence = paths.map(({ last }) => last);
  const prompt = { ...judgesPrompt(call.request.value.messages, paths.map(textOf)), temperature: 0, evidence };
  const { index, order } = await chooseOne(work, { candidates: paths, prompt });
  const why = index === null ? 'it is the first' : 'a judge finds it most consistent with the others';
  call.trace.note({ winner: index ?? 0, why: `no path states a short answer, and ${why}` });
  return order;
}
