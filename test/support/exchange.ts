/** The exchange of a request, as the server opens it, for tests that need no server. */
import { pino } from 'pino';
import type { Exchange, Incoming, OpenRequest, Operation, Plan, Upload } from '../../core/exchange/exchange.ts';
import type { IdentityGrant } from '../../core/exchange/identity.ts';
import { SILENT, type Progress } from '../../core/exchange/progress.ts';
import { NO_TRACE, type Trace } from '../../core/exchange/trace.ts';
import { Payload } from '../../core/bytes/payload.ts';
import { openExchange } from '../../core/server/open-exchange.ts';
import { wireOf } from '../../core/server/paths.ts';
import { wires } from '../../core/wire/wires.ts';

export const NO_LOG = pino({ level: 'silent' });

/** A chat of one message. */
export const QUESTION = { model: 'm', messages: [{ role: 'user', content: 'Hello?' }] };

export interface ExchangeOptions {
  readonly operation?: Operation;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Incoming['headers'];
  /** Exact bytes, or a value. Default: `QUESTION`. */
  readonly body?: Buffer | object;
  readonly upload?: Upload;
  readonly identity?: Partial<IdentityGrant>;
  /** The exchange's own; nothing else aborts it then. */
  readonly signal?: AbortSignal | undefined;
  /** What aborts it, where `signal` is not given. */
  readonly abort?: AbortController;
  readonly plan?: Plan;
  readonly progress?: Progress;
  readonly trace?: Trace;
}

export function exchangeOf(options: ExchangeOptions = {}): Exchange {
  const { operation = 'chat', body = QUESTION, progress = SILENT, signal } = options;
  const request = Buffer.isBuffer(body)
    ? Payload.fromBytes<OpenRequest>(body)
    : Payload.fromBytes<OpenRequest>(Buffer.from(JSON.stringify(body)));
  const abort = signal ? { signal, abort: () => undefined } : (options.abort ?? new AbortController());
  const exchange = openExchange({
    arrival: {
      id: 'request-1',
      client: {
        method: options.method ?? 'POST',
        path: options.path ?? '/v1/chat/completions',
        headers: options.headers ?? {},
        address: '127.0.0.1',
      },
      log: NO_LOG,
    },
    grant: { id: 'tester', ...options.identity },
    operation,
    wire: operation === 'other' ? wireOf(options.path ?? '') : wires[operation],
    request,
    abort,
    progress,
    startedAt: performance.now(),
    ...(options.upload ? { upload: options.upload } : {}),
  });
  exchange.trace = options.trace ?? NO_TRACE;
  exchange.plan = options.plan;
  if (options.plan) exchange.ledger.budget = options.plan.budget;
  return exchange;
}

/** A plan of one plain call to `upstream`. */
export function plainPlan(upstream: Plan['upstream'], request: Plan['request'], change: Partial<Plan> = {}): Plan {
  return {
    upstream,
    request,
    approach: 'none',
    isSingleCall: true,
    options: {},
    budget: {},
    run: (call, next) => next(call),
    ...change,
  };
}
