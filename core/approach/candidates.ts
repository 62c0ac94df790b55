import { gatewayError } from '../errors.ts';
import type { Call } from '../exchange/exchange.ts';
import type { Reply } from '../exchange/reply.ts';
import { stripThinking } from './text.ts';
import type { Answer } from './types.ts';
import { canonicalJsonText } from '../bytes/canonical-json.ts';
import { answerOf, sameAnswer, type FinalOptions } from './final-answer.ts';

/** Has it a text or a tool call, and was not filtered? */
export function isUsable({ choice, text }: Answer): boolean {
  if (choice.finish_reason === 'content_filter') return false;
  return (choice.message.tool_calls?.length ?? 0) > 0 || stripThinking(text).trim() !== '';
}

/** Was it cut by a token limit? */
export function isTruncated({ choice }: Answer): boolean {
  return choice.finish_reason === 'length';
}

/** The candidates worth comparing: the complete ones, or the truncated ones where none is complete. */
export function usableOf(answers: readonly Answer[]): readonly Answer[] {
  const usable = answers.filter(isUsable);
  const complete = usable.filter((answer) => !isTruncated(answer));
  return complete.length > 0 ? complete : usable;
}

/** What the client gets when all answers came and none is usable: the first filtered one, or refusal, as it is; else a 502. */
export function noneUsable(answers: readonly Answer[], call: Call): Reply {
  const told =
    answers.find(({ choice }) => choice.finish_reason === 'content_filter') ??
    answers.find(({ choice }) => typeof choice.message.refusal === 'string' && choice.message.refusal !== '');
  if (told) return told.reply;
  throw gatewayError('upstream_error', { upstream: call.upstream.name, detail: 'answered with nothing usable' });
}

/** Items that are the same, in groups: the largest group first; groups of one size in the order of their first members. */
export function groupsOf<T>(items: readonly T[], isSame: (a: T, b: T) => boolean): readonly (readonly T[])[] {
  return classesOf(items, isSame).toSorted((a, b) => b.length - a.length);
}

/** Items that are the same, in groups, in the order of their first members. An item joins the first group whose first member it equals. */
export function classesOf<T>(items: readonly T[], isSame: (a: T, b: T) => boolean): readonly (readonly T[])[] {
  const groups: [T, ...T[]][] = [];
  for (const item of items) {
    const group = groups.find(([first]) => isSame(first, item));
    if (group) group.push(item);
    else groups.push([item]);
  }
  return groups;
}

/** How many candidates come to the result of each, itself included. */
export function agreementOf(candidates: readonly Answer[], options?: FinalOptions): readonly number[] {
  const groups = classesOf(candidates, sameResult(options));
  return candidates.map((candidate) => groups.find((group) => group.includes(candidate))?.length ?? 0);
}

/** Do two candidates come to the same result: equal tool calls, or equal final answers? False where one states none. */
export function sameResult(options?: FinalOptions): (a: Answer, b: Answer) => boolean {
  return (a, b) => {
    const calls = toolCallKey(a);
    if (calls !== undefined || toolCallKey(b) !== undefined) return calls === toolCallKey(b);
    const left = answerOf(a.text, options);
    const right = answerOf(b.text, options);
    return left !== null && right !== null && sameAnswer(left, right);
  };
}

/** A candidate's tool calls in a form that compares: names and canonical arguments. Undefined without any. */
export function toolCallKey({ choice }: Answer): string | undefined {
  const calls = choice.message.tool_calls;
  if (!calls || calls.length === 0) return undefined;
  return JSON.stringify(
    calls.map(({ function: called, custom }) => [
      called?.name ?? custom?.name,
      canonicalJsonText(called?.arguments ?? custom?.input ?? ''),
    ]),
  );
}

/** The candidate that the most others agree with; the first where nobody agrees, for where all scores are unparsable. */
export function pluralityOf(candidates: readonly Answer[]): Answer | undefined {
  return groupsOf(candidates, sameResult())[0]?.[0];
}

/**
 * The best of one pool as one reply: what an approach that `selects` returns for `n: top`.
 * @param order    The candidates, best first.
 * @param answers  All that came. Usable ones that were no candidates, since they were truncated, fill the last places.
 * @param places   How many choices the client wants; fewer come if there are no more.
 */
export function topChoices(order: readonly Answer[], answers: readonly Answer[], places: number): Reply {
  const others = answers.filter((answer) => isUsable(answer) && !order.includes(answer));
  const shown = [...order, ...others].slice(0, places);
  const [first] = shown;
  if (!first) throw new Error('there is nothing to return');
  if (shown.length === 1 || first.reply.kind !== 'complete') return first.reply;
  const choices = shown.map(({ choice }, index) => ({ ...choice, index }));
  return { ...first.reply, body: first.reply.body.with({ choices }) };
}
