import { gatewayError } from '../errors.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Upstream } from '../exchange/upstream.ts';
import { mayUse } from '../upstream/allowed-models.ts';
import type { Destination, Upstreams } from '../upstream/upstreams.ts';

/**
 * The upstream and model that a model's name leads to: the upstream it begins with (`groq/llama-3.3`), else the default
 * one, else the first that speaks the request's wire. Throws a 404 if the named upstream, or every one, speaks another
 * wire: requests are not converted from one wire to another. A caller who may not use the model gets a 403 instead.
 */
export function destinationOf(exchange: Exchange, name: string, upstreams: Upstreams): Destination {
  const destination = upstreams.resolve(name);
  if (canServe(destination.upstream, exchange)) return destination;
  const namesUpstream = destination.model !== name;
  const other = namesUpstream ? undefined : firstFor(exchange, upstreams);
  if (other) return { upstream: other, model: name };
  if (!mayUse(exchange.identity, destination.upstream, destination.model))
    throw gatewayError('model_not_allowed', { model: name });
  const { title, provider } = exchange.wire.api;
  const there = namesUpstream
    ? `The upstream '${destination.upstream.name}' cannot serve this path`
    : 'No upstream is configured that can serve this path';
  throw gatewayError('model_not_found', {
    model: name,
    detail: `${there}: it needs one whose provider speaks ${title} (provider: ${provider})`,
  });
}

/** The upstream that a client's own model name leads to, served or not. A key that the client brought is for this one. */
export function homeOf(exchange: Exchange, name: string | undefined, upstreams: Upstreams): Upstream {
  const { upstream, model } =
    name === undefined ? { upstream: upstreams.default, model: name } : upstreams.resolve(name);
  return model !== name || canServe(upstream, exchange) ? upstream : (firstFor(exchange, upstreams) ?? upstream);
}

/** The first upstream whose provider speaks the request's wire; undefined if none does. */
export function firstFor(exchange: Exchange, upstreams: Upstreams): Upstream | undefined {
  return upstreams.all.find((upstream) => canServe(upstream, exchange));
}

function canServe({ provider }: Upstream, { wire }: Exchange): boolean {
  return provider.wires.includes(wire);
}
