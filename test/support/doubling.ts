/** Tests that a scan takes time linear in a text that a stranger wrote. */
import { expect } from 'vitest';

/** A size at which one run takes this long is large enough to be measured. */
const MEASURABLE_MS = 2;
const LARGEST = 2_000_000;
/** A scan that goes over the text once doubles its time, one that starts anew at each place makes it four times as long. */
const MOST = 3;

/**
 * Expects less than three times the time for twice the text. Looks for a size that can be measured, first; a text of two
 * million characters that takes no time is proof enough.
 * @param part  Is repeated to the size that is wanted, between `before` and `after`.
 */
export function expectLinear(
  scan: (text: string) => unknown,
  part: string,
  { before = '', after = '' }: { readonly before?: string; readonly after?: string } = {},
): void {
  const textOf = (size: number) => before + part.repeat(Math.ceil(size / part.length)) + after;
  const bestOf = (size: number, times: number) => {
    const text = textOf(size);
    let best = Infinity;
    for (let i = 0; i < times; i++) {
      const startedAt = performance.now();
      scan(text);
      best = Math.min(best, performance.now() - startedAt);
    }
    return best;
  };
  let size = 1_000;
  while (size < LARGEST && bestOf(size, 3) < MEASURABLE_MS) size *= 2;
  if (size >= LARGEST) return;
  // Noise only ever adds time, so that the best of several attempts counts.
  let ratio = Infinity;
  for (let attempt = 0; attempt < 4 && ratio >= MOST; attempt++)
    ratio = Math.min(ratio, bestOf(2 * size, 3) / bestOf(size, 3));
  expect(ratio, `${JSON.stringify(part)} × ${Math.ceil(size / part.length)}, then twice`).toBeLessThan(MOST);
}
