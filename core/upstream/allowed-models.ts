import { isRecord } from '../bytes/json.ts';
import { gatewayError } from '../errors.ts';
import type { Handler } from '../exchange/exchange.ts';
import type { Identity } from '../exchange/identity.ts';
import type { Upstream } from '../exchange/upstream.ts';
import { isDescription } from '../wire/described-members.ts';
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
    if (identity.models === undefined) return send(call);
    const refused = refusedModel(identity, call.upstream, call.request.value);
    if (refused !== undefined) return Promise.reject(gatewayError('model_not_allowed', { model: refused }));
    return send(call);
  };
}

/** The first model that a body names, at any depth, and that this caller may not use; undefined if all are allowed. */
export function refusedModel(identity: Identity, upstream: Upstream, body: unknown): string | undefined {
  if (identity.models === undefined) return undefined;
  const named: string[] = [];
  collect(body, false, named);
  return named.find((model) => !mayUse(identity, upstream, model));
}

/** How a key that names models is spelled in capitals: some servers take keys in any letter case. */
const MODEL = 'MODEL';
/** Lists of models; some servers have several of fallbacks (`context_window_fallbacks`). */
const LIST = /^MODELS$|FALLBACK(?:S|_MODELS?|_DICT)?$/;
/** Members by which an entry of a list of models says its name. */
const NAMES: ReadonlySet<string> = new Set(['MODEL', 'ID', 'NAME', 'SLUG']);

/** Does a key of a body or a query name a model, or several? */
export function namesModels(key: string): boolean {
  const name = inCapitals(key);
  return name === MODEL || LIST.test(name);
}

/**
 * Adds the values of `model`, and of what stands in `models` and `fallbacks`, to which servers fall back. An object there
 * that does not say its name stands for several: each of its texts is one.
 */
function collect(value: unknown, isInList: boolean, named: string[]): void {
  if (typeof value === 'string') {
    if (isInList) named.push(value);
    return;
  }
  if (Array.isArray(value)) {
    for (const each of value) collect(each, isInList, named);
    return;
  }
  if (!isRecord(value)) return;
  const isNamed = isInList && Object.keys(value).some((key) => NAMES.has(inCapitals(key)));
  for (const key in value) {
    const member = value[key];
    if (isDescription(value, key)) continue;
    const name = inCapitals(key);
    if (typeof member === 'string') {
      if (namesModels(key) || (isInList && (!isNamed || NAMES.has(name)))) named.push(member);
    } else {
      // What an entry with a name brings besides, it brings for its own call.
      const isPart = isInList && !(isNamed && isRecord(member) && !NAMES.has(name));
      collect(member, isPart || namesModels(key), named);
    }
  }
}

function inCapitals(key: string): string {
  // Lower case first: it makes a `K` of the Kelvin sign, and capitals make an `S` of the long `ſ`.
  return key.toLowerCase().toUpperCase();
}
