/**
 * A layer around every upstream call: logs slow calls, with the times until their answers began and ended.
 *
 *   plugins:
 *     - ./examples/slow-call-log.ts: { slower_than: 2s, header: x-slow-calls }
 *
 * With `header`, an answer's headers say how many of its calls were slow (a stream's are sent too early for that). All
 * calls pass here, those of approaches and retries included.
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
    // State per request: the map's entry goes when its exchange does. State is never kept at module level, because a
    // reload builds a new pipeline beside this one.
    const slowCalls = new WeakMap<Exchange, number>();

    // `attempt` is the innermost stage, so this runs once per try. Further out, at `observe`, one call includes its
    // retries.
    hooks.upstream.tap({ name: NAME, stage: STAGE.upstream.attempt }, async (call, next) => {
      const startedAt = clock.now();
      const reply = await next(call);
      const beganMs = clock.now() - startedAt;
      // When `next` returns, a stream has only begun. `onEnd` is called when it has ended, failed or been cancelled.
      onEnd(reply, (ending) => {
        const tookMs = clock.now() - startedAt;
        if (tookMs <= limitMs) return;
        const { exchange, upstream, role } = call;
        slowCalls.set(exchange, (slowCalls.get(exchange) ?? 0) + 1);
        // Log a constant message, with facts as fields, and never the texts of a conversation.
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
