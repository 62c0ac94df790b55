/**
 * Keeps what the last requests did: which approaches ran, each call with role, times, tokens and retries, scores,
 * votes, and which candidate won. `GET /v1/optigate/traces/{request id}` returns one as a tree, to the caller that made
 * the request; the id is the answer's `x-request-id`. Each process keeps its own in memory. Of texts, only short final
 * answers are kept.
 */
import { LRUCache } from 'lru-cache';
import { definePlugin, GatewayError, size, traceOf, z, type Exchange, type Outcome } from '../../core/index.ts';

const NAME = 'trace';

const options = z.strictObject({
  max_requests: z.int().min(1).max(100_000).default(1_000).describe('How many requests are kept, the last ones.'),
  max_bytes: size
    .refine((bytes) => bytes > 0, 'more than 0 bytes')
    .prefault('32mb')
    .describe('Memory for all of them, per process; the oldest go first.'),
});

export default definePlugin({
  name: NAME,
  description: 'Keeps the traces of the last requests, for GET /v1/optigate/traces/{request id}.',
  options,
  apply({ hooks, app, clock, keep }, { max_requests, max_bytes }) {
    // `peek` below leaves the order as it is, so that the oldest are dropped first. Survives a reload, unless a size
    // changes.
    const traces = keep(
      `${max_requests}/${max_bytes}`,
      () =>
        new LRUCache<string, string>({ max: max_requests, maxSize: max_bytes, sizeCalculation: (json) => json.length }),
    );

    hooks.request.tap(NAME, (exchange) => {
      exchange.isTraced = true;
    });

    hooks.finished.tap(NAME, (exchange, outcome) => {
      if (!exchange.trace.isOn) return;
      const trace = describe(exchange, outcome, clock.now());
      traces.set(keyOf(exchange.identity.id, exchange.id), JSON.stringify(trace));
    });

    app.get<{ Params: { id: string } }>('/v1/optigate/traces/:id', async (request, reply) => {
      const { id } = request.params;
      const found = traces.peek(keyOf(request.identity?.id ?? '', id));
      if (found === undefined) {
        throw new GatewayError({
          status: 404,
          code: 'trace_not_found',
          type: 'invalid_request_error',
          message: `There is no trace of a request '${id}' of yours: the last ${max_requests} are kept, in the process that served them.`,
        });
      }
      return reply.type('application/json; charset=utf-8').send(found);
    });
  },
});

/** Callers see their own requests only, even if two have chosen the same id. */
function keyOf(identity: string, request: string): string {
  return JSON.stringify([identity, request]);
}

function describe(exchange: Exchange, { status, error, durationMs }: Outcome, now: number) {
  const cache = exchange.headers.get('x-optigate-cache');
  const failure = error ?? reasonOf(exchange);
  return {
    id: exchange.id,
    object: 'optigate.trace',
    /** When the request arrived, in seconds. */
    created: Math.floor((now - durationMs) / 1_000),
    operation: exchange.operation,
    model: exchange.plan?.request.value.model,
    upstream: exchange.plan?.upstream.name,
    status,
    ...(failure ? { error: failure.code } : {}),
    ...(cache === undefined ? {} : { cache }),
    duration_ms: durationMs,
    ...(exchange.ledger.answerUsage ? { usage: exchange.ledger.answerUsage } : {}),
    ...traceOf(exchange),
  };
}

/**
 * Why the request was aborted, for example because the client left. A stream that had begun has a status of 200 all the
 * same.
 */
function reasonOf({ signal }: Exchange): GatewayError | undefined {
  return signal.reason instanceof GatewayError ? signal.reason : undefined;
}
