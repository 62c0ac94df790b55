/** The second reader, which the paper calls the discriminator, and the judge for paths without an answer to vote on. */
import {
  asksForCode,
  chooseOne,
  diverseTemperature,
  questionText,
  seedAt,
  survive,
  withDefaultLimit,
  type Answer,
  type Random,
  type Work,
} from '../../../core/approach/index.ts';
import { judgesPrompt, readersPrompt } from './prompts.ts';
import { prefixOf } from './results.ts';
import { STEADY, type Path } from './rollouts.ts';
import { textOf, type ReadPath } from './votes.ts';

/** The options that readings depend on. */
export interface ReaderOptions {
  readonly rstar_discriminator_model?: string | undefined;
  readonly max_tokens: number;
}

/** Lets the second reader complete each path, of which it sees the first 20 to 80 %. One call for each path, one round. */
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
      messages: readersPrompt(messages, prefix, asksForCode(questionText(messages))),
      temperature: diverseTemperature(call, STEADY),
      ...withDefaultLimit(call, options.max_tokens),
      // The beginnings of short paths may be equal, or empty: the seed then makes the readings differ.
      ...(typeof seed === 'number' ? { seed: seedAt(seed, index) } : {}),
    },
    { role: 'discriminator' },
  );
  const { rstar_discriminator_model: model } = options;
  return survive(next.ask(model === undefined ? reader : next.to(reader, model)), call);
}

/**
 * For paths without an answer to vote on: the path that a judge finds most consistent with the others, then the others.
 * One call.
 */
export async function chosenFirst(paths: readonly Path[], work: Work): Promise<readonly Path[]> {
  const { call } = work;
  call.progress.say('No line of reasoning states a short answer, choosing the most consistent one.');
  const evidence = paths.map(({ last }) => last);
  const prompt = { ...judgesPrompt(call.request.value.messages, paths.map(textOf)), temperature: 0, evidence };
  const { index, order } = await chooseOne(work, { candidates: paths, prompt });
  const why = index === null ? 'it is the first' : 'a judge finds it most consistent with the others';
  call.trace.note({ winner: index ?? 0, why: `no path states a short answer, and ${why}` });
  return order;
}
