/** Whether this is about code, and whether two programs are the same. */
import { asksForCode, hasCode, normalizeProgram, stripThinking } from '../../../core/approach/index.ts';

/**
 * How programs are compared. `normalized` ignores comments on lines of their own, blank lines and blanks at the ends of
 * lines.
 */
export type Similarity = 'exact' | 'normalized';

/** Are two programs the same text, as far as `similarity` looks? */
export function isSameProgram(a: string, b: string, similarity: Similarity): boolean {
  if (similarity === 'exact') return a.trim() === b.trim();
  return normalizeProgram(a) === normalizeProgram(b);
}

/** Is this about code: does the answer or the question hold any, or does the question ask for some? */
export function isAboutCode(question: string, answer: string): boolean {
  const visible = stripThinking(answer);
  return hasCode(visible) || hasCode(question) || asksForCode(question);
}
