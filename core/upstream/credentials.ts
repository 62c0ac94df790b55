import { createHmac } from 'node:crypto';
import { gatewayError, type GatewayError } from '../errors.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { Identity, type IdentityGrant } from '../exchange/identity.ts';
import { Upstream } from '../exchange/upstream.ts';

/** The key that pays for a call. */
export interface Credential {
  /** Undefined at an upstream that needs no key. */
  readonly key: string | undefined;
  /** Whose key it is. Access to stored objects and to cache entries depends on it. */
  readonly payer: 'caller' | 'own_upstream_key' | 'server';
  /** The caller sent it as a bearer. */
  readonly isBearer?: boolean;
}

/**
 * The key that pays for `exchange` at `upstream`. The first that exists of: the caller's own upstream key (only at the
 * upstream that its request's model names), the upstream key that belongs to its access key, the server's key. Throws
 * `invalid_api_key` (401) if there is none; the message says how to provide one.
 */
export function credentialFor(exchange: Pick<Exchange, 'identity' | 'home'>, upstream: Upstream): Credential {
  const found = findCredential(exchange, upstream);
  if (found) return found;
  const { name, settings } = upstream;
  if (!settings.needsKey) {
    throw refusal(
      `The upstream '${name}' asks for no key, so it is only for holders of an access key: send yours as 'Authorization: Bearer <access key>'`,
    );
  }
  const fix = settings.keyVariable
    ? `set the environment variable ${settings.keyVariable}`
    : `set 'upstreams.${name}.api_key' in the configuration file`;
  throw refusal(`No key for the upstream '${name}': ${fix}, or send a key of your own in the header 'x-upstream-key'`);
}

function refusal(detail: string): GatewayError {
  return gatewayError('invalid_api_key', { detail }, { headers: { 'www-authenticate': 'Bearer' } });
}

/** Like `credentialFor`, but undefined if nobody pays. */
export function findCredential(
  exchange: Pick<Exchange, 'identity' | 'home'>,
  upstream: Upstream,
): Credential | undefined {
  const grant = Identity.grantOf(exchange.identity);
  // Such a server takes any key, so a key proves nothing there.
  if (!upstream.settings.needsKey && grant.isGuest === true) return undefined;
  if (exchange.home === upstream && hasOwnKey(grant, upstream))
    return { key: grant.upstreamKey, payer: 'caller', isBearer: grant.isBearer === true };
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

/** Does the caller bring a key of its own for this upstream, and no placeholder? */
export function hasOwnKey({ upstreamKey }: IdentityGrant, { settings }: Upstream): boolean {
  return upstreamKey !== undefined && upstreamKey.length >= settings.shortestKey;
}

/**
 * Digest of the key that pays, for keys of caches and single-flight. Equal for equal keys, and does not reveal them.
 * `none` without a key.
 */
export function payerOf(exchange: Exchange, upstream: Upstream): string {
  const credential = findCredential(exchange, upstream);
  if (credential?.key === undefined) return 'none';
  // One digest per key, not per request: a caller's grant and an upstream are the same objects in all their requests.
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

/** Digests of the keys of an upstream or of a caller's grant. Each depends on nothing but the key. */
const payers = new WeakMap<object, Map<string, string>>();

/** Whose key pays at `upstream`; undefined if nobody pays. */
export function payerKindOf(exchange: Exchange, upstream: Upstream): Credential['payer'] | undefined {
  return findCredential(exchange, upstream)?.payer;
}
