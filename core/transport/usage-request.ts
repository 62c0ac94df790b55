import { LRUCache } from 'lru-cache';
import type { Call, Handler } from '../exchange/exchange.ts';
import type { Kept } from '../kept.ts';
import { withUsageAsked } from '../wire/chat/stream-usage.ts';
import type { Reply } from '../exchange/reply.ts';

/**
 * Asks for the usage of streamed chat calls that did not ask, for plugins that count tokens. What the client did not ask
 * for is taken out again on the way to it. An upstream that refuses the field is remembered for an hour.
 */
export function askForUsage(send: Handler, kept: Kept): Handler {
  const refusing = kept.keep('usage-asking/refusing', () => new LRUCache<string, true>({ max: 1_000, ttl: 3_600_000 }));
  return async (call) => {
    if (!needsAsking(call) || refusing.has(keyOf(call))) return send(call);
    const reply = await send(call.with({ stream_options: withUsageAsked(call.request).value.stream_options }));
    if (!refusesUsage(reply)) return reply;
    refusing.set(keyOf(call), true);
    return send(call);
  };
}

/** Will the reply hold usage that its client did not ask for? */
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
