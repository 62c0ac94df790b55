import { LRUCache } from 'lru-cache';
import type { Call, Handler } from '../exchange/exchange.ts';
import type { Reply } from '../exchange/reply.ts';
import type { Kept } from '../kept.ts';
import { withUsageAsked } from '../wire/chat/stream-usage.ts';

/**
 * Asks the upstream for the usage of streamed chat calls whose client did not ask for it, since plugins count tokens.
 * On the way to the client it is taken out again. Upstreams and models that refuse the field are remembered for an
 * hour.
 */
export function askForUsage(send: Handler, kept: Kept): Handler {
  const refusing = kept.keep('usage-asking/refusing', () => new LRUCache<string, true>({ max: 1_000, ttl: 3_600_000 }));
  return async (call) => {
    if (!needsAsking(call) || refusing.has(keyOf(call))) return send(call);
    const { stream_options } = withUsageAsked(call.request).value;
    const reply = await send(call.with({ stream_options }, { isSame: true }));
    if (!refusesUsage(reply)) return reply;
    refusing.set(keyOf(call), true);
    return send(call);
  };
}

/** Is it a streamed chat call whose client did not ask for usage? */
export function needsAsking(call: Pick<Call, 'request' | 'exchange'>): boolean {
  if (call.exchange.operation !== 'chat') return false;
  const { stream, stream_options } = call.request.value;
  return stream === true && stream_options?.include_usage !== true;
}

function keyOf(call: Call): string {
  return `${call.upstream.name}\n${call.request.value.model}`;
}

function refusesUsage(reply: Reply): boolean {
  if (reply.kind !== 'complete' || (reply.status !== 400 && reply.status !== 422)) return false;
  return /stream_options|include_usage/.test(reply.body.bytes.toString());
}
