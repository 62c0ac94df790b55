import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { canonicalBytes } from './canonical-form.ts';
import type { Payload } from './payload.ts';

const bodies = new WeakMap<Payload<object>, string>();

/**
 * Digests by the bytes as they came. Clients that repeat a request mostly repeat its bytes, and to look those up is much
 * cheaper than to sort their keys. Results of a pure function: it does not matter who shares them.
 */
const byBytes = new LRUCache<string, string>({ max: 2_000 });
/** Up to here the bytes are their own key; a larger body goes by its SHA-256. */
const SMALL_BYTES = 1_024;

/**
 * SHA-256 (base64url) of a body's canonical form in a context: equal for requests that must get the same answer, whatever
 * the order of their keys. The body is digested once, whatever the contexts. A body that is no JSON counts as its bytes.
 * @param context  What else decides the answer: operation, upstream, identity, ordinal.
 */
export function digestOf(payload: Payload<object>, context: readonly string[]): string {
  let body = bodies.get(payload);
  if (body === undefined) bodies.set(payload, (body = bodyDigest(payload)));
  return hash('sha256', JSON.stringify([...context, body]), 'base64url');
}

function bodyDigest(payload: Payload<object>): string {
  const { bytes } = payload;
  const key = bytes.length <= SMALL_BYTES ? bytes.toString('latin1') : hash('sha256', bytes, 'base64url');
  let digest = byBytes.get(key);
  if (digest === undefined) byBytes.set(key, (digest = hash('sha256', canonicalForm(payload), 'base64url')));
  return digest;
}

/**
 * The body with its keys sorted at every level, without blanks and without the members that cannot change the answer.
 * Numbers stay as they were written (`1.0` is not `1`: upstreams may tell them apart, and large integers lose digits);
 * of a key given twice the last counts.
 */
export function canonicalForm(payload: Payload<object>): Buffer {
  const { bytes } = payload;
  return isJson(payload) ? canonicalBytes(bytes) : bytes;
}

function isJson(payload: Payload<object>): boolean {
  try {
    return payload.value !== undefined;
  } catch {
    return false;
  }
}
