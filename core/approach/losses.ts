/**
 * Losses: calls that fail while the approach goes on. What is lost decides two things: whether the client is told, in
 * `x-optigate-degraded`, and whether the answer is partial, so that no cache keeps it.
 */
import { GatewayError } from '../errors.ts';
import type { Call, Exchange } from '../exchange/exchange.ts';
import type { CompleteReply } from '../exchange/reply.ts';
import { refusalOf, UpstreamRefusal } from '../upstream/refusal.ts';
import type { ChatRequest } from '../wire/chat/chat-types.ts';

const DEGRADED = 'x-optigate-degraded';

/**
 * May an approach go on after this failure of one of its calls? Not if nobody waits for the answer any more, nor if the
 * upstream refuses a field that the client itself sent, nor if the error is a bug (anything but a `GatewayError`).
 * The call's signal decides whether somebody waits, not the exchange's: other requests may share the work of an exchange
 * whose own client has left.
 */
export function isSurvivable(error: unknown, call: Call): boolean {
  if (call.signal.aborted && !isDeadline(call.signal.reason)) return false;
  if (error instanceof UpstreamRefusal && refusesClientsField(error.reply, call)) return false;
  return error instanceof GatewayError;
}

function isDeadline(reason: unknown): boolean {
  return reason instanceof GatewayError && reason.code === 'deadline_exceeded';
}

/**
 * Waits for a call that the approach can do without, such as a judge's. Undefined if it fails, and the loss is recorded;
 * throws if the failure is not survivable.
 */
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
 * Records what a survived failure means for the answer. A limit that was reached is told to the client. If another try
 * might succeed (a 5xx, 429, 408 or 409), the answer is partial, so that no cache keeps it.
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
 * Tells the client that a whole stage was lost, for example every judge, unless another reason was told already. The loss
 * of a part of a stage is not told. This does not make the answer partial: `recordLoss` did so where it is.
 */
export function reportLostStage(exchange: Exchange, reason: string): void {
  if (exchange.headers.get(DEGRADED) === undefined) reportDegraded(exchange, reason, { isLasting: true });
}

/** The words for limits that were met, by the code of their errors. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ['budget_exhausted', 'budget'],
  ['deadline_exceeded', 'deadline'],
]);

/**
 * Tells the client, in a header and in the trace, that the answer is less than what was asked for, and why. Several
 * reasons are told one after the other.
 * @param reason  A word such as `judges_failed`, or an error's code.
 * @param isLasting  Would another try come to the same? If not, the answer is partial, so that no cache keeps it.
 */
export function reportDegraded(exchange: Exchange, reason: string, { isLasting = false } = {}): void {
  const told = exchange.headers.get(DEGRADED)?.split(', ') ?? [];
  const reasons = [...new Set([...told, WORDS.get(reason) ?? reason])].join(', ');
  exchange.headers.set(DEGRADED, reasons);
  exchange.trace.note({ degraded: reasons });
  if (!isLasting) exchange.isPartial = true;
}

/** Does this error refuse a field that the client itself sent? `n` and `model` do not count: an approach may set both. */
export function refusesClientsField(reply: CompleteReply, call: Call): boolean {
  const { param } = refusalOf(reply);
  if (param === undefined) return false;
  const field = topLevelField(param);
  return field !== 'n' && field !== 'model' && Object.hasOwn(clientsRequestOf(call), field);
}

/** The client's request as it was planned: without optigate's own fields, with the upstream's name of the model. */
export function clientsRequestOf(call: Call): ChatRequest {
  const { exchange } = call;
  // Without a plan (in tests) it is the exchange's own request, which is a chat's: only chats have approaches.
  return exchange.plan?.request.value ?? (exchange.request.value as ChatRequest);
}

/** The request field that an error's `param` points into: `messages` for `messages[0].content`. */
export function topLevelField(param: string): string {
  return /^[\w-]+/.exec(param)?.[0] ?? param;
}
