import { nearest } from '../nearest.ts';

/** The message for an unknown key: suggests the nearest known key, else lists them. */
export function unknownKey(key: string, known: readonly string[]): string {
  const meant = nearest(key, known);
  if (meant !== undefined) return `unknown key, did you mean '${meant}'?`;
  return known.length > 0
    ? `unknown key, the known ones are ${[...new Set(known)].join(', ')}`
    : 'unknown key, there are none here';
}
