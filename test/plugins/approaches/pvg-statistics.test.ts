/**
 * The statistical upstream U(p, r, 4): a helpful solution is right with probability p, a sneaky one never, the verifier
 * with probability r.
 */
import { describe, expect, test } from 'vitest';
import { contentText, Random, type ChatRequest } from '../../../core/index.ts';
import pvg from '../../../plugins/approaches/pvg/index.ts';
import { runApproach } from '../../support/scripted-handler.ts';

const TRIALS = 2_000;
const TOLERANCE = 0.035;
const RIGHT = 42;
const WRONG = [17, 23, 99, 7];
const OF_THEIR_OWN = [101, 102, 103, 104];

async function accuracy(p: number, r: number, lies: readonly number[]): Promise<number> {
  const random = new Random('pvg', p, r);
  const solution = (final: number | undefined) => `Worked out, ${random.next()}. The final answer is ${final}`;
  const script = {
    candidate: () => solution(random.chance(p) ? RIGHT : random.pick(WRONG)),
    sneaky: () => solution(random.pick(lies)),
    judge: ({ messages }: ChatRequest) => {
      const isRight = contentText(messages.at(-1)?.content).includes(`answer is ${RIGHT}`);
      return `Score: ${isRight === random.chance(r) ? 8 : 3}`;
    },
    refine: () => 'What is six times seven, exactly?',
  };
  let right = 0;
  for (let trial = 0; trial < TRIALS; trial++) {
    const run = await runApproach('pvg', { plugins: [pvg], script });
    if (run.text?.endsWith(`is ${RIGHT}`)) right++;
  }
  return right / TRIALS;
}

const table = [
  { p: 0.5, r: 0.8, best: 0.791 },
  { p: 0.5, r: 0.9, best: 0.888 },
];

describe('expected accuracy', { timeout: 60_000 }, () => {
  test.each(table)('best(6, $p, $r) where sneaky solutions come to answers of their own', async ({ p, r, best }) => {
    const found = await accuracy(p, r, OF_THEIR_OWN);
    expect(Math.abs(found - best), `${found} against ${best}`).toBeLessThanOrEqual(TOLERANCE);
  });

  test.each(table)('more than best(6, $p, $r) where they give away which answers are wrong', async ({ p, r, best }) => {
    expect(await accuracy(p, r, WRONG)).toBeGreaterThan(best);
  });
});
