import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { canonicalBytes } from './canonical-form.ts';
import type { Payload } from './payload.ts';

/** The digest of each body, without a context. */
const digestByPayload = new WeakMap<Payload<object>, string>();

/**
 * The digest of each body, by its bytes as they came. A client that repeats a request mostly repeats its bytes, and to
 * look those up is much cheaper than to sort their keys. The digest depends on nothing but the bytes, so that all
 * pipelines can share this.
 */
const digestByBytes = new LRUCache<string, string>({ max: 2_000 });
/** Up to this size the bytes themselves are the key; a larger body is found by its SHA-256. */
const SMALL_BYTES = 1_024;

/**
 * SHA-256 (base64url) of a body's canonical form and its context. Requests that must get the same answer have the same
 * digest, in whatever order their keys are. A body is digested only once for all contexts. A body that is not JSON
 * counts as its bytes.
 * @param context  What else the answer depends on: operation, upstream, identity, ordinal.
 */
export function digestOf(payload: Payload<object>, context: readonly string[]): string {
  let body = digestByPayload.get(payload);
  if (body === undefined) digestByPayload.set(payload, (body = bodyDigest(payload)));
  return hash('sha256', JSON.stringify([...context, body]), 'base64url');
}

function bodyDigest(payload: Payload<object>): string {
  const { bytes } = payload;
  const key = bytes.length <= SMALL_BYTES ? bytes.toString('latin1') : hash('sha256', bytes, 'base64url');
  let digest = digestByBytes.get(key);
  if (digest === undefined) digestByBytes.set(key, (digest = hash('sha256', canonicalForm(payload), 'base64url')));
  return digest;
}

/**
 * The body with its keys sorted at every level, without blanks and without the members that cannot change the answer.
 * Numbers stay as they were written: an upstream may tell `1.0` from `1`, and large integers would lose digits. Of
 * equal keys the last one wins.
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
