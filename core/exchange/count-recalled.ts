import { EventStreamWatch } from '../wire/event-stream.ts';
import type { Call } from './exchange.ts';
import { onEnd, toReply, type LooseReply, type Reply } from './reply.ts';

/**
 * Returns the reply to a call that was answered without being sent, such as from a cache. Enters it in the trace, and
 * its usage in the ledger: it counts for the answer, but not as spent.
 */
export function countRecalled(given: LooseReply, { exchange, request, role, trace, upstream }: Call): Reply {
  const { ledger, startedAt } = exchange;
  const reply = toReply(given);
  if (trace.isOn) {
    const now = performance.now() - startedAt;
    const model = exchange.operation === 'chat' ? { model: request.value.model } : {};
    trace.add({
      role,
      upstream: upstream.name,
      ...model,
      start_ms: now,
      end_ms: now,
      status: reply.status,
      cache: 'hit',
    });
  }
  if (reply.kind === 'complete') {
    const usage = reply.status < 400 ? reply.body.value.usage : undefined;
    if (usage) ledger.recall(usage);
  } else if (reply.kind === 'stream') {
    const watch = new EventStreamWatch({ wire: exchange.wire });
    reply.body.observe((bytes) => void watch.push(bytes));
    onEnd(reply, () => {
      if (watch.usage) ledger.recall(watch.usage);
    });
  }
  return reply;
}
