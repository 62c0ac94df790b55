import { createTransport } from '../../core/transport/transport.ts';
import type { Clock } from '../../core/clock.ts';
import { systemClock } from '../../core/clock.ts';
import { createKept } from '../../core/kept.ts';
import { createPools, type PoolsOptions } from '../../core/transport/pools.ts';
import type { Call } from '../../core/exchange/exchange.ts';
import type { Reply } from '../../core/exchange/reply.ts';
import type { Transport, UpstreamRequest } from '../../core/upstream/provider.ts';

export interface TestTransport extends Transport, AsyncDisposable {
  /** Sends the call's own bytes as a chat. */
  ask(call: Call, change?: Partial<UpstreamRequest>): Promise<Reply>;
}

/** A transport with connections of its own, closed at the end of the test. */
export function testTransport(options: PoolsOptions & { readonly clock?: Clock } = {}): TestTransport {
  const kept = createKept();
  const pools = kept.keep('upstream pools', () => createPools(options));
  const transport = createTransport({ kept, clock: options.clock ?? systemClock });
  return {
    ...transport,
    ask: (call, change = {}) =>
      transport.send(call, {
        method: 'POST',
        path: '/chat/completions',
        headers: ['content-type', 'application/json'],
        body: call.request.bytes,
        credential: { header: 'authorization', scheme: 'Bearer' },
        wire: call.exchange.wire,
        ...change,
      }),
    [Symbol.asyncDispose]: () => pools.close(),
  };
}

/** The whole body of a reply, as text; throws its failure. */
export async function textOf(reply: Reply): Promise<string> {
  if (reply.kind === 'complete') return reply.body.bytes.toString();
  const chunks: Buffer[] = [];
  for await (const chunk of reply.body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
