import type { Call } from './exchange.ts';
import { EventStreamWatch } from './openai/event-stream.ts';
import { onEnd, toReply, type LooseReply, type Reply } from './reply.ts';

/** The reply to a chat call that was answered without being sent: its usage counts as the answer's, not as spent. */
export function recalled(given: LooseReply, { exchange: { ledger } }: Call): Reply {
  const reply = toReply(given);
  if (reply.kind === 'complete') {
    const usage = reply.status < 400 ? reply.body.value.usage : undefined;
    if (usage) ledger.recall(usage);
  } else if (reply.kind === 'stream') {
    const watch = new EventStreamWatch({ wire: 'chat' });
    reply.body.observe((bytes) => void watch.push(bytes));
    onEnd(reply, () => {
      if (watch.usage) ledger.recall(watch.usage);
    });
  }
  return reply;
}
