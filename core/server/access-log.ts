import type { Logger } from 'pino';
import { echoed, LONGEST_MESSAGE } from '../echoed.ts';
import type { Exchange, Outcome } from '../exchange/exchange.ts';

/** What the log says of a request beside its outcome. */
export interface RequestFacts {
  readonly id: string;
  readonly method: string;
  /** Without the query, which may hold a key. */
  readonly path: string;
  /** The client left before it had the whole answer. */
  readonly isGone: boolean;
  /** Undefined if the request was refused before it became one. */
  readonly exchange: Exchange | undefined;
}

/** Logs a finished request in one line, as an error or a warning where the error's own level says so. */
export function logRequest(
  log: Logger,
  { status, durationMs, bytes, error }: Outcome,
  { id, method, path, isGone, exchange }: RequestFacts,
): void {
  const level = error && !isGone ? error.level : 'info';
  log[level](
    {
      request_id: id,
      ...(exchange ? { operation: exchange.operation } : {}),
      method,
      path: echoed(path),
      status,
      ms: Math.round(durationMs * 10) / 10,
      bytes,
      ...(isGone ? { client_gone: true } : {}),
      ...(error
        ? {
            code: error.code,
            error: echoed(error.message, LONGEST_MESSAGE),
            ...(error.cause && level === 'error' ? { err: error.cause } : {}),
          }
        : {}),
      ...(exchange ? planFacts(exchange) : {}),
    },
    'request',
  );
}

function planFacts({ identity, plan, ledger, headers, operation }: Exchange): Record<string, unknown> {
  if (!plan) return { caller: identity.id };
  const cache = headers.get('x-optigate-cache');
  return {
    caller: identity.id,
    upstream: plan.upstream.name,
    approach: plan.approach,
    // The body of any other operation may be no JSON.
    ...(operation === 'other' ? {} : { model: echoed(plan.request.value.model) }),
    calls: ledger.requests,
    ...(ledger.usage ? { tokens: ledger.usage.total_tokens } : {}),
    ...(cache === undefined ? {} : { cache }),
  };
}
