import { gatewayError } from '../errors.ts';
import type { Handler } from '../exchange/exchange.ts';
import type { Upstream } from '../exchange/upstream.ts';
import type { Identity } from '../exchange/identity.ts';
import { matches } from '../wildcard.ts';

/** May this caller use the model? Patterns match its name there; one with a slash also `upstream/name`. */
export function mayUse(identity: Identity, upstream: Upstream, model: string): boolean {
  const patterns = identity.models;
  if (patterns === undefined) return true;
  // Without the slash, `m*` would allow whatever an upstream called `main` has.
  return patterns.some(
    (pattern) => matches(pattern, model) || (pattern.includes('/') && matches(pattern, `${upstream.name}/${model}`)),
  );
}

/** The last check before a call leaves: whichever plugin made it, every model it names must be one the caller may use. */
export function guardModels(send: Handler): Handler {
  return (call) => {
    const { identity } = call.exchange;
    const refused = refusedModel(identity, call.upstream, call.request.value);
    if (refused !== undefined) return Promise.reject(gatewayError('model_not_allowed', { model: refused }));
    return send(call);
  };
}

/** The first model that a body names and this caller may not use. */
export function refusedModel(identity: Identity, upstream: Upstream, body: unknown): string | undefined {
  if (identity.models === undefined) return undefined;
  return namedModels(body).find((model) => !mayUse(identity, upstream, model));
}

/** The model, and the ones that some upstreams fall back to (OpenRouter's `models`). */
function namedModels(body: unknown): string[] {
  if (typeof body !== 'object' || body === null) return [];
  const { model, models } = body as { model?: unknown; models?: unknown };
  return [model, ...(Array.isArray(models) ? models : [])].filter((name) => typeof name === 'string');
}
