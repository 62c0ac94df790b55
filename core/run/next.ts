/** `next`, with which an approach makes its calls. */
import type { Next } from '../approach/types.ts';
import { wholeCall } from '../approach/whole.ts';
import type { Clock } from '../clock.ts';
import type { Call, Exchange, Handler } from '../exchange/exchange.ts';
import type { Destination } from '../upstream/upstreams.ts';
import type { Capabilities } from './capabilities.ts';
import { askOne, sample } from './sampling.ts';

/** What running an approach needs, the same for all requests. */
export interface Kit {
  readonly capabilities: Capabilities;
  /** The upstream and model that a name leads to. Throws a 404 if no upstream can serve it. */
  readonly destination: (exchange: Exchange, model: string) => Destination;
  readonly clock: Clock;
}

/**
 * What an approach gets as `next`: `handler` as a function, with `ask`, `sample` and `to`.
 * @param isUpstream  Is `handler` a call upstream? Only then `sample` may use `n`: another approach would run n times.
 */
export function createNext(handler: Handler, { capabilities, destination }: Kit, isUpstream: boolean): Next {
  const passed = new WeakSet<Call>();
  const next = (call: Call) => {
    // A call that is passed on again is a new sample: it must not get the first one's answer from the cache.
    const fresh = passed.has(call) ? call.again() : call;
    passed.add(call);
    return handler(fresh);
  };
  return Object.assign(next, {
    ask: (call: Call) => askOne(wholeCall(call), handler),
    sample: (call: Call, count: number, options = {}) =>
      sample(call, count, handler, isUpstream ? capabilities : undefined, options),
    to: (call: Call, name: string) => {
      const { upstream, model } = destination(call.exchange, name);
      return call.with({ model }, { upstream });
    },
  });
}
