import { hash } from 'node:crypto';
import { canonicalBytes } from './canonical-form.ts';
import type { Payload } from './payload.ts';

const bodies = new WeakMap<Payload<object>, string>();

/**
 * SHA-256 (base64url) of a body's canonical form in a context: equal for requests that must get the same answer, whatever
 * the order of their keys. The body is digested once, whatever the contexts. A body that is no JSON counts as its bytes.
 * @param context  What else decides the answer: operation, upstream, identity, ordinal.
 */
export function digestOf(payload: Payload<object>, context: readonly string[]): string {
  let body = bodies.get(payload);
  if (body === undefined) bodies.set(payload, (body = hash('sha256', canonicalForm(payload), 'base64url')));
  return hash('sha256', JSON.stringify([...context, body]), 'base64url');
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
