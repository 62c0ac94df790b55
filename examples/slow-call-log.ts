/**
 * A layer around every upstream call: logs the slow ones, with how long they took to begin and to end.
 *
 *   plugins:
 *     - ./examples/slow-call-log.ts: { slower_than: 2s, header: x-slow-calls }
 *
 * With `header`, plain answers say how many of their calls were slow. All calls pass here, also those that an approach
 * makes and those that are retried.
 */
import { definePlugin, duration, onEnd, STAGE, z, type Exchange } from 'optigate';

const NAME = 'slow_call_log';

const options = z.strictObject({
  slower_than: duration.prefault('10s').describe('Calls that take longer are logged.'),
  header: z
    .string()
    .regex(/^[a-z0-9-]+$/)
    .optional()
    .describe('Name of an answer header that counts slow calls.'),
});

export default definePlugin({
  name: NAME,
  description: 'Logs upstream calls that take long.',
  options,
  apply({ hooks, clock }, { slower_than: limitMs, header }) {
    // State per request hangs on the exchange and goes with it. None at module level: a reload builds a new pipeline beside this one.
    const slowCalls = new WeakMap<Exchange, number>();

    // `attempt` is the innermost stage: one pass for each try. Further out (`observe`), retries would be inside.
    hooks.upstream.tap({ name: NAME, stage: STAGE.upstream.attempt }, async (call, next) => {
      const startedAt = clock.now();
      const reply = await next(call);
      const beganMs = clock.now() - startedAt;
      // A stream has only begun when `next` returns: it has ended, failed or been cancelled when `onEnd` says so.
      onEnd(reply, (ending) => {
        const tookMs = clock.now() - startedAt;
        if (tookMs <= limitMs) return;
        const { exchange, upstream, role } = call;
        slowCalls.set(exchange, (slowCalls.get(exchange) ?? 0) + 1);
        // The message is a constant, the facts are fields; never the texts of a conversation.
        exchange.log.warn(
          { upstream: upstream.name, role, beganMs, tookMs, ending: ending.kind },
          'slow upstream call',
        );
      });
      return reply;
    });

    if (header === undefined) return;
    hooks.response.tap(NAME, (reply, exchange) => {
      exchange.headers.set(header, slowCalls.get(exchange) ?? 0);
      return reply;
    });
  },
});
