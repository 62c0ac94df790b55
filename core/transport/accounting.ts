import { GatewayError } from '../errors.ts';
import type { Call } from '../exchange/exchange.ts';
import type { Usage } from '../wire/chat/chat-types.ts';

/** How one attempt went. */
export interface AttemptFacts {
  /** Milliseconds from the exchange's arrival. */
  readonly startMs: number;
  /** 0 if no answer came. */
  readonly status: number;
  readonly usage: Usage | undefined;
  readonly failure: unknown;
  /** Of an attempt that was aborted because nobody waits for it: how many bytes of its body came. */
  readonly seen: number | undefined;
}

/** What a token takes: of text, and as an event of a stream or part of a JSON answer, its frame included. */
const LETTERS_PER_TOKEN = 4;
const EVENT_BYTES_PER_TOKEN = 200;

/**
 * Records an attempt that is over: its usage in the ledger, and the attempt in the trace, if somebody asked for one.
 */
export function account(call: Call, { startMs, status, usage: reported, failure, seen }: AttemptFacts): void {
  const { exchange, role, request, trace, upstream } = call;
  const isEstimated = reported === undefined && seen !== undefined && isPartOfMany(call) && !exchange.signal.aborted;
  const usage = isEstimated ? estimated(call, seen) : reported;
  if (usage) call.addUsage(usage);
  if (isEstimated) reportEstimated(call);
  else if (usage && isPartOfMany(call)) exchange.ledger.notePrompt(request.value.messages, usage);
  if (!trace.isOn) return;
  trace.add({
    role,
    upstream: upstream.name,
    ...(exchange.operation === 'chat' ? { model: request.value.model } : {}),
    start_ms: startMs,
    end_ms: performance.now() - exchange.startedAt,
    ...(call.attempts > 1 ? { attempt: call.attempts } : {}),
    ...(status === 0 ? {} : { status }),
    ...(usage ? { usage } : {}),
    ...(isEstimated ? { estimated: true } : {}),
    ...(failure instanceof GatewayError ? { error: failure.code } : {}),
    ...(failure !== undefined && call.signal.aborted ? { aborted: true } : {}),
  });
}

/** Does the exchange make several calls for its answer? Only then are there calls of which the rest can do without. */
function isPartOfMany({ exchange }: Call): boolean {
  return exchange.operation === 'chat' && exchange.plan?.isSingleCall === false;
}

/**
 * The usage of a call that was aborted, which its upstream charges all the same: the prompt of a call with the same
 * messages, else by its length, and what came of the answer.
 */
function estimated({ exchange, request }: Call, seen: number): Usage {
  const { messages } = request.value;
  const prompt =
    exchange.ledger.promptTokensOf(messages) ?? Math.ceil(JSON.stringify(messages).length / LETTERS_PER_TOKEN);
  const completion = Math.ceil(seen / EVENT_BYTES_PER_TOKEN);
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}

/** Says in a header, if it is not sent yet, and in the trace that nobody reported part of the usage. */
function reportEstimated({ exchange }: Call): void {
  exchange.headers.set('x-optigate-estimated', 'usage');
  exchange.trace.note({ estimated: ['usage'] });
}
