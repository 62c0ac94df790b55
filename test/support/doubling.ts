/** Tests that a scan takes time linear in a text that a stranger wrote. */
import { expect } from 'vitest';

/** A size at which one run takes this long is compared with twice the size. */
const MEASURABLE_MS = 15;
/** In characters. */
const LARGEST = 256_000;
/** How long each of the two is run: what the system counts comes in steps of a few milliseconds. */
const COMPARED_MS = 50;
/** A scan that goes over the text once doubles its time, one that starts anew at each place makes it four times as long. */
const MOST = 3;

/**
 * Expects less than three times the time for twice the text. Looks for a size that takes some time, first; if a text of a
 * quarter of a million characters does not, that is proof enough. Counts the processor's time, so that others who use the
 * machine do not matter.
 * @param part  Is repeated to the size that is wanted, with `after` behind it.
 */
export function expectLinear(scan: (text: string) => unknown, part: string, after = ''): void {
  const textOf = (size: number) => part.repeat(Math.ceil(size / part.length)) + after;
  /** Of one run, as the mean of as many as take `leastMs`. */
  const timeOf = (text: string, leastMs: number) => {
    const before = process.cpuUsage();
    for (let runs = 1; ; runs++) {
      scan(text);
      const { user, system } = process.cpuUsage(before);
      const spent = (user + system) / 1_000;
      if (spent >= leastMs) return spent / runs;
    }
  };
  let size = 4_000;
  while (size < LARGEST && timeOf(textOf(size), 0) < MEASURABLE_MS) size *= 4;
  if (size >= LARGEST) return;
  const [text, twice] = [textOf(size), textOf(2 * size)];
  let ratio = Infinity;
  // The first runs may be slower: they are compiled, and memory grows.
  for (let attempt = 0; attempt < 4 && ratio >= MOST; attempt++)
    ratio = Math.min(ratio, timeOf(twice, COMPARED_MS) / timeOf(text, COMPARED_MS));
  expect(ratio, `${JSON.stringify(part)}, ${size} characters and twice as many`).toBeLessThan(MOST);
}
