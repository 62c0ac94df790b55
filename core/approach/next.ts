import { gatewayError } from '../errors.ts';
import type { Call, Handler } from '../exchange.ts';
import type { Capabilities } from './capabilities.ts';
import { ask, sample } from './sampling.ts';
import type { Next } from './types.ts';
import { wholeCall } from './whole.ts';

/**
 * What an approach gets as `next`: `handler` with its two ways of asking.
 * @param capabilities  Undefined where `handler` runs further approaches, to which `n` means something else.
 */
export function createNext(handler: Handler, capabilities: Capabilities | undefined): Next {
  const passed = new WeakSet<Call>();
  const next = (call: Call) => {
    // The same call once more is another sample, not the same one: it must not share a cache entry or a flight.
    const fresh = passed.has(call) ? call.again() : call;
    passed.add(call);
    return handler(fresh);
  };
  return Object.assign(next, {
    ask: async (call: Call) => {
      const [answer] = await ask(wholeCall(call), handler);
      if (!answer) throw gatewayError('upstream_error', { upstream: call.upstream.name, detail: 'answered without a choice' });
      return answer;
    },
    sample: (call: Call, count: number, options = {}) => sample(call, count, handler, capabilities, options),
  });
}
