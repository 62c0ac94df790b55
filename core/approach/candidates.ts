import { gatewayError, GatewayError } from '../errors.ts';
import type { Call, Exchange } from '../exchange/exchange.ts';
import type { Reply } from '../exchange/reply.ts';
import { UpstreamRefusal } from '../upstream/refusal.ts';
import { answerOf, sameAnswer, stripThinking, type FinalOptions } from './answer.ts';
import { refusesClientsField } from './capabilities.ts';
import type { Answer } from './types.ts';
import { canonicalJson } from '../bytes/canonical-json.ts';

const DEGRADED = 'x-optigate-degraded';

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

/** The first answer of each group, largest group first; groups of one size in the order of their first members. */
export function groupsOf(
  answers: readonly Answer[],
  isSame: (a: Answer, b: Answer) => boolean,
): readonly (readonly Answer[])[] {
  const groups: Answer[][] = [];
  for (const answer of answers) {
    const group = groups.find(([first]) => first !== undefined && isSame(first, answer));
    if (group) group.push(answer);
    else groups.push([answer]);
  }
  return groups.toSorted((a, b) => b.length - a.length);
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
      canonicalJson(called?.arguments ?? custom?.input ?? ''),
    ]),
  );
}

/** The candidate that the most others agree with; the first where nobody agrees, for where all scores are unparsable. */
export function pluralityOf(candidates: readonly Answer[]): Answer | undefined {
  return groupsOf(candidates, sameResult())[0]?.[0];
}

/**
 * May an approach go on without what failed so? Not when nobody waits any more, nor when the code is wrong. The call's
 * signal tells, not the exchange's: others may have joined its flight before its client left.
 */
export function isSurvivable(error: unknown, call: Call): boolean {
  if (call.signal.aborted && !isDeadline(call.signal.reason)) return false;
  if (error instanceof UpstreamRefusal && refusesClientsField(error.reply, call)) return false;
  return error instanceof GatewayError;
}

function isDeadline(reason: unknown): boolean {
  return reason instanceof GatewayError && reason.code === 'deadline_exceeded';
}

/** Lets a failure pass as undefined where the approach can go on without that call (a judge, a critique). */
export async function ifAny<T>(made: Promise<T>, call: Call): Promise<T | undefined> {
  try {
    return await made;
  } catch (error) {
    if (!isSurvivable(error, call)) throw error;
    noteLoss(error, call.exchange);
    return undefined;
  }
}

/**
 * What a failure that the approach survives means for the answer: a limit is said; where another try may bring what is
 * missing, the answer is not worth keeping.
 */
export function noteLoss(error: unknown, exchange: Exchange): void {
  if (!(error instanceof GatewayError)) return;
  const { code } = error;
  if (code === 'budget_exhausted' || code === 'deadline_exceeded') degrade(exchange, code);
  else if (mayPass(error)) exchange.isPartial = true;
}

function mayPass({ status }: GatewayError): boolean {
  return status >= 500 || status === 429 || status === 408 || status === 409;
}

/**
 * Says that a whole stage fell away (every judge failed, say), unless a reason was said already; losing a part of one is
 * no news for the client. Whether the answer is worth keeping, each failure has decided.
 */
export function degradeByLoss(exchange: Exchange, reason: string): void {
  if (exchange.headers.get(DEGRADED) === undefined) degrade(exchange, reason, { isLasting: true });
}

/**
 * Says in a header and in the trace that the answer is less than what was asked for, and why.
 * @param isLasting  Would another try come to the same? Otherwise the answer is not worth keeping.
 */
export function degrade(exchange: Exchange, reason: string, { isLasting = false } = {}): void {
  exchange.headers.set(DEGRADED, reason);
  exchange.trace.note({ degraded: reason });
  if (!isLasting) exchange.isPartial = true;
}
