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
}

/**
 * Records an attempt that is over: its usage in the ledger, and the attempt in the trace, if somebody asked for one.
 */
export function account(call: Call, { startMs, status, usage, failure }: AttemptFacts): void {
  const { exchange, role, request, trace, upstream } = call;
  if (usage) call.addUsage(usage);
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
    ...(failure instanceof GatewayError ? { error: failure.code } : {}),
    ...(failure !== undefined && call.signal.aborted ? { aborted: true } : {}),
  });
}
