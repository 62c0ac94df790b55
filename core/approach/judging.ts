/**
 * Judges: calls that rate candidates, compare two of them, rank all of them or choose one. An approach writes the prompt
 * and decides what follows from the verdict. Asking, reading and counting is done here, by one rule: a judge that fails or
 * cannot be read fails no request. Its verdict is left out and never counts as 0.
 *
 * Each function throws errors that no approach can go on after: the client left, or the upstream refuses a field that the
 * client itself sent (`isSurvivable`).
 */
import { sideBySide, type SideBySide } from './fan-out.ts';
import { judgeCall, type JudgePrompt } from './judge-call.ts';
import { reportLostStage, survive } from './losses.ts';
import type { Answer, Work } from './types.ts';
import { choiceOf, rankingOf, scoreOf } from './verdict.ts';

/** The call that judges are asked for, and the way to ask. An approach's `Work` has both. */
export type Asking = Pick<Work, 'call'> & { readonly next: Pick<Work['next'], 'ask'> };

/** One judge's reply; undefined if its call failed. One call. */
export function askJudge({ call, next }: Asking, prompt: JudgePrompt): Promise<Answer | undefined> {
  return survive(next.ask(judgeCall(call, prompt)), call);
}

interface Losing {
  /**
   * What `x-optigate-degraded` says if no judge gives a verdict, because each fails or cannot be read. Default:
   * `judges_failed`. Null = the header is not set.
   */
  readonly lost?: string | null | undefined;
}

/** A judge's text; null if its call failed, undefined if it was aborted or is still open. */
export type Verdict = string | null | undefined;

interface AskingAll extends Losing {
  /** Can the text be read as a verdict? Default: any text can. */
  readonly isVerdict?: (text: string) => boolean;
  /** Called after each reply: true aborts the judges that are still open. */
  readonly until?: ((verdicts: readonly Verdict[]) => boolean) | undefined;
}

/** What several judges said. */
export interface Verdicts {
  /** In the order of the prompts. */
  readonly verdicts: readonly Verdict[];
  /** How many judges `until` spared. */
  readonly aborted: number;
}

/** Asks several judges at once, and leaves reading their texts to the approach. One call for each prompt, one round. */
export async function askJudges(
  { call, next }: Asking,
  prompts: readonly JudgePrompt[],
  { lost = 'judges_failed', until, isVerdict = () => true }: AskingAll = {},
): Promise<Verdicts> {
  const judges = prompts.map((prompt) => judgeCall(call, prompt));
  const { results, aborted } = await sideBySide(
    call,
    judges,
    async (one) => (await survive(next.ask(one), one))?.text ?? null,
    until && ((soFar) => until(verdictsIn(soFar))),
  );
  for (const result of results) if (result?.status === 'rejected') throw result.reason;
  const verdicts = verdictsIn(results);
  const isLost =
    verdicts.length > 0 &&
    verdicts.every((verdict) => verdict === null || (verdict !== undefined && !isVerdict(verdict)));
  if (isLost && lost !== null) reportLostStage(call.exchange, lost);
  return { verdicts, aborted };
}

function verdictsIn(results: SideBySide<string | null>['results']): readonly Verdict[] {
  return results.map((result) => (result?.status === 'fulfilled' ? result.value : undefined));
}

/** The lowest and the highest score that the prompt allows. */
export type Scale = readonly [low: number, high: number];

/** Scores by candidate: null if the judge failed or could not be read, undefined if it was aborted or is still open. */
export type Scores = readonly (number | null | undefined)[];

/** The score that a judge gives to what `prompt` shows; null if the judge fails or cannot be read. One call. */
export async function rate(asking: Asking, prompt: JudgePrompt, scale: Scale): Promise<number | null> {
  return scoreOf((await askJudge(asking, prompt))?.text ?? '', ...scale);
}

/** What `rateEach` rates, and how. */
export interface Rating<T> extends Losing {
  readonly candidates: readonly T[];
  readonly prompt: (candidate: T) => JudgePrompt;
  readonly scale: Scale;
  /** Called after each score: true aborts the judges that are still open. */
  readonly until?: (scores: Scores) => boolean;
}

/** Rates each candidate by a judge of its own, who sees no other. One call for each, one round. */
export async function rateEach<T>(
  asking: Asking,
  { candidates, prompt, scale, until, lost }: Rating<T>,
): Promise<{ readonly scores: Scores; readonly aborted: number }> {
  const scoresIn = (verdicts: readonly Verdict[]): Scores =>
    verdicts.map((verdict) => (typeof verdict === 'string' ? scoreOf(verdict, ...scale) : verdict));
  const prompts = candidates.map((candidate) => prompt(candidate));
  const { verdicts, aborted } = await askJudges(asking, prompts, {
    lost,
    isVerdict: (text) => scoreOf(text, ...scale) !== null,
    until: until && ((soFar) => until(scoresIn(soFar))),
  });
  return { scores: scoresIn(verdicts), aborted };
}

/** What `comparePairs` compares, and how. */
export interface Comparing<T> extends Losing {
  readonly candidates: readonly T[];
  readonly prompt: (first: T, second: T) => JudgePrompt;
  /** Reads which one a judge prefers: 0 = the first, 1 = the second, null = neither. Default: `Choice: 1` or `Choice: 2`. */
  readonly read?: (verdict: string) => number | null;
  /** Is this pair equal? Then no judge is asked, and each of the two gets half a point for each of the two comparisons. */
  readonly isEven?: (a: T, b: T) => boolean;
}

/** What comparisons came to. */
export interface Compared {
  /** By candidate: one point for each comparison that it won. Null if none of its comparisons could be read. */
  readonly points: readonly (number | null)[];
  /** Were judges asked, and could none of them be read? */
  readonly isUnread: boolean;
}

/**
 * Compares each pair twice, once in each order, because judges favour the first or the second place. Calls: N(N−1) for N
 * candidates, less two for each pair that `isEven`; one round.
 */
export async function comparePairs<T>(
  asking: Asking,
  { candidates, prompt, read = firstOrSecond, isEven = () => false, lost }: Comparing<T>,
): Promise<Compared> {
  const pairs = candidates.flatMap((a, i) => candidates.flatMap((b, j) => (i === j ? [] : [{ a, b, i, j }])));
  const open = pairs.filter(({ a, b }) => !isEven(a, b));
  const prompts = open.map(({ a, b }) => prompt(a, b));
  const { verdicts } = await askJudges(asking, prompts, { lost, isVerdict: (text) => read(text) !== null });
  const points = candidates.map((): number | null => null);
  const give = (index: number, more: number) => (points[index] = (points[index] ?? 0) + more);
  const choices = verdicts.map((verdict) => read(verdict ?? ''));
  for (const [index, { i, j }] of open.entries()) {
    const choice = choices[index] ?? null;
    if (choice === null) continue;
    give(i, choice === 0 ? 1 : 0);
    give(j, choice === 0 ? 0 : 1);
  }
  for (const { i, j } of pairs.filter((pair) => !open.includes(pair))) {
    give(i, 0.5);
    give(j, 0.5);
  }
  return { points, isUnread: open.length > 0 && choices.every((choice) => choice === null) };
}

function firstOrSecond(verdict: string): number | null {
  return choiceOf(verdict, 2);
}

/** What one judge ranks or chooses from. */
export interface Choosing<T> extends Losing {
  readonly candidates: readonly T[];
  /** Shows all candidates, numbered from 1. */
  readonly prompt: JudgePrompt;
}

/** The candidates' indices as one judge ranks them, best first; null unless it names each exactly once. One call. */
export async function rankList<T>(
  asking: Asking,
  { candidates, prompt, lost }: Choosing<T>,
): Promise<readonly number[] | null> {
  const ranking = (text: string) => rankingOf(text, candidates.length);
  const { verdicts } = await askJudges(asking, [prompt], { lost, isVerdict: (text) => ranking(text) !== null });
  return ranking(verdicts[0] ?? '');
}

/** What one judge chose. */
export interface Chosen<T> {
  /** Null if the judge failed or chose none, or there was only one candidate. */
  readonly index: number | null;
  /** The chosen candidate, then the others as they came; all as they came if none was chosen. */
  readonly order: readonly T[];
}

/** Lets one judge choose the best candidate. One call; none for a single candidate. */
export async function chooseOne<T>(asking: Asking, { candidates, prompt, lost }: Choosing<T>): Promise<Chosen<T>> {
  if (candidates.length < 2) return { index: null, order: candidates };
  const choice = (text: string) => choiceOf(text, candidates.length);
  const { verdicts } = await askJudges(asking, [prompt], { lost, isVerdict: (text) => choice(text) !== null });
  const index = choice(verdicts[0] ?? '');
  const order =
    index === null ? candidates : [...candidates.slice(index, index + 1), ...candidates.toSpliced(index, 1)];
  return { index, order };
}
