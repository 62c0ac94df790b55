/**
 * Candidates: which of several answers are usable, which come to the same result, and which are returned.
 */
import { canonicalJsonText } from '../bytes/canonical-json.ts';
import { bringsAnswer, bringsMedia, calledTools, callsTool } from '../wire/chat/content.ts';
import { endedBadly, failureOfChoice } from '../wire/chat/finish.ts';
import { gatewayError } from '../errors.ts';
import type { Call } from '../exchange/exchange.ts';
import type { Reply } from '../exchange/reply.ts';
import { answerOf, sameAnswer, type FinalOptions } from './final-answer.ts';
import { stripThinking } from './text.ts';
import type { Answer } from './types.ts';

/** Does the answer have text outside `<think>`, a tool call or a medium, and was it not filtered, nor did it fail? */
export function isUsable({ choice, text }: Answer): boolean {
  if (choice.finish_reason === 'content_filter' || endedBadly(choice)) return false;
  return callsTool(choice.message) || bringsMedia(choice.message) || stripThinking(text).trim() !== '';
}

/** Was the answer cut by a token limit (`finish_reason: length`)? */
export function isTruncated({ choice }: Answer): boolean {
  return choice.finish_reason === 'length';
}

/** The usable answers worth comparing: the complete ones, or, if none is complete, the truncated ones. */
export function usableOf(answers: readonly Answer[]): readonly Answer[] {
  const usable = answers.filter(isUsable);
  const complete = usable.filter((answer) => !isTruncated(answer));
  return complete.length > 0 ? complete : usable;
}

/**
 * What the client gets if no answer is usable: the first one that was filtered, or else refused, or else cut by a limit
 * while the model was still thinking, or else ended for an unknown reason, as the upstream wrote it. Throws a 502 if there
 * is none of them.
 */
export function noneUsable(answers: readonly Answer[], call: Call): Reply {
  const shown =
    answers.find(({ choice }) => choice.finish_reason === 'content_filter') ??
    answers.find(({ choice }) => typeof choice.message.refusal === 'string' && choice.message.refusal !== '') ??
    answers.find(isTruncated) ??
    answers.find(({ choice }) => endedBadly(choice) && !failureOfChoice(choice) && bringsAnswer(choice.message));
  if (shown) return shown.reply;
  throw gatewayError('upstream_error', { upstream: call.upstream.name, detail: 'answered with nothing usable' });
}

/** Equal items in groups, the largest group first. Groups of one size stay in the order of their first members. */
export function groupsOf<T>(items: readonly T[], isSame: (a: T, b: T) => boolean): readonly (readonly T[])[] {
  return classesOf(items, isSame).toSorted((a, b) => b.length - a.length);
}

/**
 * Equal items in groups, in the order of their first members. An item joins the first group whose first member it equals,
 * so that `isSame` need not be transitive.
 */
export function classesOf<T>(items: readonly T[], isSame: (a: T, b: T) => boolean): readonly (readonly T[])[] {
  const groups: [T, ...T[]][] = [];
  for (const item of items) {
    const group = groups.find(([first]) => isSame(first, item));
    if (group) group.push(item);
    else groups.push([item]);
  }
  return groups;
}

/** For each candidate, how many come to its result, itself included: at least 1. */
export function agreementOf(candidates: readonly Answer[], options?: FinalOptions): readonly number[] {
  const groups = classesOf(candidates, sameResult(options));
  return candidates.map((candidate) => groups.find((group) => group.includes(candidate))?.length ?? 0);
}

/** Do two candidates come to the same result: equal tool calls, or equal final answers? False if one of them states none. */
export function sameResult(options?: FinalOptions): (a: Answer, b: Answer) => boolean {
  return (a, b) => {
    const calls = toolCallKey(a);
    if (calls !== undefined || toolCallKey(b) !== undefined) return calls === toolCallKey(b);
    const left = answerOf(a.text, options);
    const right = answerOf(b.text, options);
    return left !== null && right !== null && sameAnswer(left, right);
  };
}

/** A candidate's tool calls as text to compare: names and canonical arguments. Undefined if it calls no tool. */
export function toolCallKey({ choice }: Answer): string | undefined {
  if (!callsTool(choice.message)) return undefined;
  return JSON.stringify(calledTools(choice.message).map(({ name, input }) => [name, canonicalJsonText(input)]));
}

/** The candidate whose result most candidates share, or the first one if no two agree. Undefined only if there is none. */
export function pluralityOf(candidates: readonly Answer[]): Answer | undefined {
  return groupsOf(candidates, sameResult())[0]?.[0];
}

/**
 * The best candidates as the choices of one reply: what an approach that `selects` returns for `n: top`.
 * @param order    The candidates, best first. Throws if there is nothing to return.
 * @param answers  All answers that came. Usable ones that are not in `order` fill the last places.
 * @param places   How many choices the client wants. The reply has fewer if there are not so many.
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
