import { createHash } from 'node:crypto';
import type { Payload } from './payload.ts';

/** To be replaced: canonical digest. */
export function digestOf(payload: Payload<object>, context: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(context)).update(payload.bytes).digest('base64url');
}
