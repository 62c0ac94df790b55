import type { Call } from '../exchange/exchange.ts';
import { Random } from '../random.ts';

/**
 * The generator of all random choices that a run of an approach makes. A request that is repeated makes the same ones, so
 * that its calls are the same and the cache has them; the client's `seed`, being part of the request, changes them, and
 * so does each of several runs (`n`). Take it first, from the call that `run` was given.
 * @param place  Where in the run it is used. What runs at the same time takes a generator each, or the order in which
 *   answers arrive would decide.
 */
export function randomOf(call: Call, ...place: readonly (string | number)[]): Random {
  return new Random(call.digest, call.ordinal, ...place);
}
