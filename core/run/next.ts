import type { Clock } from '../clock.ts';
import { gatewayError } from '../errors.ts';
import type { Call, Exchange, Handler } from '../exchange/exchange.ts';
import type { Destination } from '../upstream/upstreams.ts';
import type { Capabilities } from './capabilities.ts';
import { ask, sample } from './sampling.ts';
import type { Next } from '../approach/types.ts';
import { wholeCall } from '../approach/whole.ts';

/** What running approaches takes beside the calls themselves. */
export interface Kit {
  readonly capabilities: Capabilities;
  /** Where a model's name leads; throws where no upstream can serve it. */
  readonly destination: (exchange: Exchange, model: string) => Destination;
  readonly clock: Clock;
}

/**
 * What an approach gets as `next`: `handler` with its two ways of asking.
 * @param isUpstream  Is `handler` an upstream call? To further approaches `n` would mean something else.
 */
export function createNext(handler: Handler, { capabilities, destination }: Kit, isUpstream: boolean): Next {
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
      if (!answer)
        throw gatewayError('upstream_error', { upstream: call.upstream.name, detail: 'answered without a choice' });
      return answer;
    },
    sample: (call: Call, count: number, options = {}) =>
      sample(call, count, handler, isUpstream ? capabilities : undefined, options),
    to: (call: Call, name: string) => {
      const { upstream, model } = destination(call.exchange, name);
      return call.with({ model }, { upstream });
    },
  });
}
