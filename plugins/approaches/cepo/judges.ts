/** Judges that rate one candidate alone, and judges that compare pairs. */
import {
  comparePairs,
  rankList,
  rateEach,
  stripThinking,
  type Answer,
  type Asking,
  type Compared,
  type Scores,
  type Work,
} from '../../../core/approach/index.ts';
import type { Options } from './options.ts';
import { comparing, ranking, rating } from './prompts.ts';

/** Scores from 0 to 1. One call for each candidate, one round. */
export async function rate(candidates: readonly Answer[], work: Work<Options>): Promise<Scores> {
  const { messages } = work.call.request.value;
  const prompt = (candidate: Answer) => ({ ...rating(messages, candidate), ...sampling(work) });
  const { scores } = await rateEach(judgesOf(work), { candidates, prompt, scale: [0, 1] });
  return scores;
}

interface Comparison {
  /** Pairs that no judge is asked about. */
  readonly isEven: (a: Answer, b: Answer) => boolean;
  /** Null = the client is not told if all judges fail, because the choice does not rest on them alone. */
  readonly lost?: null;
}

/** Points from comparisons of all pairs, in both orders and one round. */
export function compare(candidates: readonly Answer[], work: Work<Options>, comparison: Comparison): Promise<Compared> {
  const { messages } = work.call.request.value;
  const prompt = (...both: readonly Answer[]) => ({ ...comparing(messages, both), ...sampling(work) });
  return comparePairs(judgesOf(work), { candidates, prompt, read: betterOf, ...comparison });
}

/**
 * Points for candidates of which each contradicts each other one; undefined if no judge could be read. Two are compared in
 * both orders: two calls. More are ranked by one judge. One round.
 */
export async function settle(candidates: readonly Answer[], work: Work<Options>): Promise<Points | undefined> {
  if (candidates.length > 2) {
    const prompt = { ...ranking(work.call.request.value.messages, candidates), ...sampling(work) };
    const order = await rankList(judgesOf(work), { candidates, prompt, lost: null });
    return order ? candidates.map((_, index) => candidates.length - 1 - order.indexOf(index)) : undefined;
  }
  const { points, isUnread } = await compare(candidates, work, { isEven: () => false, lost: null });
  return isUnread ? undefined : points.map((value) => value ?? 0);
}

type Points = readonly number[];

/** Reads the last `Better Response: [[0]]` or `[[1]]`, in any brackets; null if there is none. */
function betterOf(verdict: string): 0 | 1 | null {
  const plain = stripThinking(verdict).replaceAll(/[*_`]/g, '');
  const number = [...plain.matchAll(/\bbetter\s+response\b\s*(?:(?:is\b|[:=])\s*)?(?:[[(]+\s*)?(\d+)/gi)].at(-1)?.[1];
  if (number === '0') return 0;
  return number === '1' ? 1 : null;
}

function sampling({ options }: Work<Options>) {
  return { temperature: options.bestofn_temperature, limit: options.bestofn_max_tokens };
}

/** Judges of `rating_model`, or of the request's model if none is set. */
function judgesOf({ call, next, options }: Work<Options>): Asking {
  const { rating_model: model } = options;
  return { next, call: model === null ? call : next.to(call, model) };
}
