import { LRUCache } from 'lru-cache';
import type { Call, Handler } from '../exchange/exchange.ts';
import type { Reply } from '../exchange/reply.ts';
import type { Kept } from '../kept.ts';
import { refusalOf } from '../upstream/refusal.ts';
import { withUsageAsked } from '../wire/chat/stream-usage.ts';

/** How many models are remembered, and the longest name. Clients can invent names. */
const REMEMBERED = { models: 1_000, length: 256 };

/**
 * Asks the upstream for the usage of streamed chat calls whose client did not ask for it, since plugins count tokens.
 * On the way to the client it is taken out again. If a call that names the field is refused and its repeat without it is
 * not, the upstream's model is remembered for an hour.
 */
export function askForUsage(send: Handler, kept: Kept): Handler {
  const refusing = kept.keep(
    'usage-asking/refusing',
    () => new LRUCache<string, true>({ max: REMEMBERED.models, ttl: 3_600_000 }),
  );
  return async (call) => {
    if (!needsAsking(call) || refusing.has(keyOf(call))) return send(call);
    const { stream_options } = withUsageAsked(call.request).value;
    const reply = await send(call.with({ stream_options }, { isSame: true }));
    if (!refusesUsage(reply)) return reply;
    const repeated = await send(call);
    if (repeated.status < 400 && call.request.value.model.length <= REMEMBERED.length) refusing.set(keyOf(call), true);
    return repeated;
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

/** Does the refusal name the field that was added? */
function refusesUsage(reply: Reply): boolean {
  if (reply.kind !== 'complete' || (reply.status !== 400 && reply.status !== 422)) return false;
  const { param, code, message, text } = refusalOf(reply);
  if (param !== undefined) return /^(?:stream_options|include_usage)(?!\w)/.test(param);
  return /(?<![\w.-])(?:stream_options|include_usage)(?![\w-])/.test(`${code ?? ''} ${message ?? text}`);
}
