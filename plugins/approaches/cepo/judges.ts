/** The judges of candidates: of one alone, and of pairs. */
import type { Call } from '../../../core/index.ts';
import { survive, judgeCall, scoreOf, stripThinking, type Answer, type Next } from '../../../core/approach/index.ts';
import type { Options } from './options.ts';
import { comparing, rating } from './prompts.ts';

export interface Judging {
  readonly call: Call;
  readonly next: Next;
  readonly options: Options;
}

/** From 0 to 1; null where the judge failed or gave none that can be read. */
export async function rate(candidate: Answer, judging: Judging): Promise<number | null> {
  const verdict = await ask(rating(judging.call.request.value.messages, candidate), judging);
  return verdict === undefined ? null : scoreOf(verdict, 0, 1);
}

/**
 * Compares each pair in both orders, since judges favour a place: a won comparison is a point, half a point is what two get
 * that need none.
 * @returns  Points by candidate, 0 where nothing could be read; undefined where that was so of all comparisons.
 */
export async function compare(
  candidates: readonly Answer[],
  needsNone: (a: Answer, b: Answer) => boolean,
  judging: Judging,
): Promise<readonly number[] | undefined> {
  const points = candidates.map(() => 0);
  const give = (index: number, more: number) => {
    points[index] = (points[index] ?? 0) + more;
  };
  const pairs = candidates.flatMap((a, i) =>
    candidates.flatMap((b, j) => (i === j ? [] : [{ i, j, both: [a, b] as const }])),
  );
  const isOpen = ({ both }: (typeof pairs)[number]) => !needsNone(...both);
  const choose = async ({ i, j, both }: (typeof pairs)[number]) => {
    const verdict = await ask(comparing(judging.call.request.value.messages, both), judging);
    const better = verdict === undefined ? undefined : betterOf(verdict);
    if (better !== undefined) give(better === 0 ? i : j, 1);
    return better;
  };
  const verdicts = await Promise.all(pairs.filter(isOpen).map(choose));
  for (const { i, j } of pairs.filter((pair) => !isOpen(pair))) {
    give(i, 0.5);
    give(j, 0.5);
  }
  return verdicts.length > 0 && verdicts.every((better) => better === undefined) ? undefined : points;
}

/** The last `Better Response: [[0]]` or `[[1]]`, in whatever brackets. */
function betterOf(verdict: string): 0 | 1 | undefined {
  const plain = stripThinking(verdict).replaceAll(/[*_`]/g, '');
  const number = [...plain.matchAll(/\bbetter\s+response\b\s*(?:is\b|[:=])?\s*[[(]*\s*(\d+)/gi)].at(-1)?.[1];
  if (number === '0') return 0;
  return number === '1' ? 1 : undefined;
}

async function ask(prompt: { system: string; user: string }, { call, next, options }: Judging) {
  const { bestofn_temperature: temperature, bestofn_max_tokens: limit, rating_model } = options;
  const judging = judgeCall(call, { ...prompt, temperature, limit });
  const verdict = await survive(next.ask(rating_model === null ? judging : next.to(judging, rating_model)), call);
  return verdict?.text;
}
