import { createHmac } from 'node:crypto';
import { gatewayError } from '../errors.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { Upstream } from '../exchange/upstream.ts';
import { Identity } from '../exchange/identity.ts';

export interface Credential {
  readonly key: string | undefined;
  /** Whose it is; decides about stored objects and cache entries. */
  readonly payer: 'caller' | 'own_upstream_key' | 'server';
}

/**
 * The key that pays for `exchange` at `upstream`: the caller's own (only where its request's model belongs), the access
 * key's own upstream key, the server's. Throws 401 with a message that says what would help.
 */
export function credentialFor(exchange: Pick<Exchange, 'identity' | 'home'>, upstream: Upstream): Credential {
  const found = findCredential(exchange, upstream);
  if (found) return found;
  const { name, settings } = upstream;
  const fix = settings.keyVariable
    ? `set the environment variable ${settings.keyVariable}`
    : `set 'upstreams.${name}.api_key' in the configuration file`;
  throw gatewayError(
    'invalid_api_key',
    { detail: `No key for the upstream '${name}': ${fix}, or send a key of your own in the header 'x-upstream-key'` },
    { headers: { 'www-authenticate': 'Bearer' } },
  );
}

/** As `credentialFor`, but undefined where no key is there. */
export function findCredential(
  exchange: Pick<Exchange, 'identity' | 'home'>,
  upstream: Upstream,
): Credential | undefined {
  const grant = Identity.grantOf(exchange.identity);
  if (grant.upstreamKey !== undefined && exchange.home === upstream) return { key: grant.upstreamKey, payer: 'caller' };
  const own =
    grant.upstreamKeys && Object.hasOwn(grant.upstreamKeys, upstream.name)
      ? grant.upstreamKeys[upstream.name]
      : undefined;
  if (own !== undefined) return { key: own, payer: 'own_upstream_key' };
  if (!upstream.settings.needsKey) return { key: Upstream.serverKeyOf(upstream), payer: 'server' };
  if (grant.serverKey === false) return undefined;
  const key = Upstream.serverKeyOf(upstream);
  return key === undefined ? undefined : { key, payer: 'server' };
}

/** Keyed digest of the key that pays, for cache and flight keys: equal for equal keys, useless for anything else. */
export function payerOf(exchange: Exchange, upstream: Upstream): string {
  const credential = findCredential(exchange, upstream);
  if (credential?.key === undefined) return 'none';
  // One HMAC per key, not per request: callers and upstreams stay the same objects for as long as they are known.
  const owner = credential.payer === 'server' ? upstream : Identity.grantOf(exchange.identity);
  let known = payers.get(owner);
  if (!known) payers.set(owner, (known = new Map()));
  const memo = `${credential.payer} ${upstream.name}`;
  let payer = known.get(memo);
  if (payer === undefined) {
    payer = createHmac('sha256', 'optigate payer 1').update(credential.key).digest('base64url').slice(0, 22);
    known.set(memo, payer);
  }
  return payer;
}

/** Results of a pure function of the owner's keys. */
const payers = new WeakMap<object, Map<string, string>>();

/** Whose key pays at `upstream`; undefined where none is there. */
export function payerKindOf(exchange: Exchange, upstream: Upstream): Credential['payer'] | undefined {
  return findCredential(exchange, upstream)?.payer;
}
