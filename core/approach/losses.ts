import type { Call, Exchange } from '../exchange/exchange.ts';
import { UpstreamRefusal, refusalOf } from '../upstream/refusal.ts';
import { GatewayError } from '../errors.ts';
import type { CompleteReply } from '../exchange/reply.ts';
import type { ChatRequest } from '../wire/chat/chat-types.ts';

const DEGRADED = 'x-optigate-degraded';

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
export async function survive<T>(made: Promise<T>, call: Call): Promise<T | undefined> {
  try {
    return await made;
  } catch (error) {
    if (!isSurvivable(error, call)) throw error;
    recordLoss(error, call.exchange);
    return undefined;
  }
}

/**
 * What a failure that the approach survives means for the answer: a limit is said; where another try may bring what is
 * missing, the answer is not worth keeping.
 */
export function recordLoss(error: unknown, exchange: Exchange): void {
  if (!(error instanceof GatewayError)) return;
  const { code } = error;
  if (code === 'budget_exhausted' || code === 'deadline_exceeded') reportDegraded(exchange, code);
  else if (mayPass(error)) exchange.isPartial = true;
}

function mayPass({ status }: GatewayError): boolean {
  return status >= 500 || status === 429 || status === 408 || status === 409;
}

/**
 * Says that a whole stage fell away (every judge failed, say), unless a reason was said already; losing a part of one is
 * no news for the client. Whether the answer is worth keeping, each failure has decided.
 */
export function reportLostStage(exchange: Exchange, reason: string): void {
  if (exchange.headers.get(DEGRADED) === undefined) reportDegraded(exchange, reason, { isLasting: true });
}

/**
 * Says in a header and in the trace that the answer is less than what was asked for, and why.
 * @param isLasting  Would another try come to the same? Otherwise the answer is not worth keeping.
 */
export function reportDegraded(exchange: Exchange, reason: string, { isLasting = false } = {}): void {
  exchange.headers.set(DEGRADED, reason);
  exchange.trace.note({ degraded: reason });
  if (!isLasting) exchange.isPartial = true;
}

/** Is this the refusal of a field that the client itself sent (but `n`, which can be fanned out)? */
export function refusesClientsField(reply: CompleteReply, call: Call): boolean {
  const { param } = refusalOf(reply);
  if (param === undefined) return false;
  const field = topLevelField(param);
  return field !== 'n' && field !== 'model' && Object.hasOwn(clientsRequestOf(call), field);
}

export function clientsRequestOf(call: Call): ChatRequest {
  const { exchange } = call;
  // Only chats have approaches, so the exchange's own request is a chat's where there is no plan yet (tests).
  return exchange.plan?.request.value ?? (exchange.request.value as ChatRequest);
}

export function topLevelField(param: string): string {
  return /^[\w-]+/.exec(param)?.[0] ?? param;
}
