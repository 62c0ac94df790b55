import { gatewayError } from '../errors.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Upstream } from '../exchange/upstream.ts';
import type { Destination, Upstreams } from '../upstream/upstreams.ts';

/**
 * Where a model's name leads. A name that names no upstream goes to the first that speaks the request's wire; one that
 * names an upstream of another wire is a 404 that says what would be needed, for nothing is converted yet.
 */
export function destinationOf(exchange: Exchange, name: string, upstreams: Upstreams): Destination {
  const destination = upstreams.resolve(name);
  if (canServe(destination.upstream, exchange)) return destination;
  const namesUpstream = destination.model !== name;
  const other = namesUpstream ? undefined : firstFor(exchange, upstreams);
  if (other) return { upstream: other, model: name };
  const { title, provider } = exchange.wire.api;
  const there = namesUpstream
    ? `The upstream '${destination.upstream.name}' cannot serve this path`
    : 'No upstream is configured that can serve this path';
  throw gatewayError('model_not_found', {
    model: name,
    detail: `${there}: ${exchange.client.path} needs one whose provider speaks ${title} (provider: ${provider})`,
  });
}

/** The first upstream that can serve such a request. */
export function firstFor(exchange: Exchange, upstreams: Upstreams): Upstream | undefined {
  return upstreams.all.find((upstream) => canServe(upstream, exchange));
}

function canServe({ provider }: Upstream, { wire }: Exchange): boolean {
  return provider.wires.includes(wire);
}
