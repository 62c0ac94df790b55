import { gatewayError } from '../errors.ts';
import type { Handler } from '../exchange/exchange.ts';
import type { Identity } from '../exchange/identity.ts';
import type { Upstream } from '../exchange/upstream.ts';
import { matches } from '../wildcard.ts';

/**
 * May this caller use the model? Its patterns match the model's name; one with a slash also matches `upstream/name`.
 */
export function mayUse(identity: Identity, upstream: Upstream, model: string): boolean {
  const patterns = identity.models;
  if (patterns === undefined) return true;
  // If patterns without a slash matched `upstream/name`, `m*` would allow all models of an upstream called `main`.
  return patterns.some(
    (pattern) => matches(pattern, model) || (pattern.includes('/') && matches(pattern, `${upstream.name}/${model}`)),
  );
}

/**
 * The last check before a call is sent, whichever plugin made it. Rejects one that names a model the caller may not
 * use.
 */
export function guardModels(send: Handler): Handler {
  return (call) => {
    const { identity } = call.exchange;
    const refused = refusedModel(identity, call.upstream, call.request.value);
    if (refused !== undefined) return Promise.reject(gatewayError('model_not_allowed', { model: refused }));
    return send(call);
  };
}

/** The first model that a body names and that this caller may not use; undefined if all are allowed. */
export function refusedModel(identity: Identity, upstream: Upstream, body: unknown): string | undefined {
  if (identity.models === undefined) return undefined;
  return namedModels(body).find((model) => !mayUse(identity, upstream, model));
}

/** The models that a body names: `model`, and those in `models`, to which OpenRouter falls back. */
function namedModels(body: unknown): string[] {
  if (typeof body !== 'object' || body === null) return [];
  const { model, models } = body as { model?: unknown; models?: unknown };
  return [model, ...(Array.isArray(models) ? models : [])].filter((name) => typeof name === 'string');
}
