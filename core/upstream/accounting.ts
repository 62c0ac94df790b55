import { GatewayError } from '../errors.ts';
import type { Call } from '../exchange.ts';
import type { Usage } from '../openai/types.ts';

/** How one attempt went. */
export interface AttemptFacts {
  /** Milliseconds from the exchange's arrival. */
  readonly startMs: number;
  /** 0 where no answer came. */
  readonly status: number;
  readonly usage: Usage | undefined;
  readonly failure: unknown;
}

/** Enters an attempt that is over: its tokens into the ledger, itself into the trace where somebody asked for one. */
export function account(call: Call, { startMs, status, usage, failure }: AttemptFacts): void {
  const { exchange, role, request, upstream } = call;
  if (usage) exchange.ledger.add(usage);
  if (!exchange.trace.isOn) return;
  exchange.trace.add({
    role,
    upstream: upstream.name,
    ...(exchange.operation === 'chat' ? { model: request.value.model } : {}),
    startMs,
    endMs: performance.now() - exchange.startedAt,
    ...(status === 0 ? {} : { status }),
    ...(usage ? { usage } : {}),
    ...(failure instanceof GatewayError ? { error: failure.code } : {}),
  });
}
