import { expect, test } from 'vitest';
import { compareMerits, numbered, rankBy } from '../../../core/approach/index.ts';

test('ranks by the first merit that differs, equal ones as they came', () => {
  const merits = { a: [1, 5], b: [2, 1], c: [2, 3], d: [1, 5], e: [-Infinity, 9] };
  expect(rankBy(['e', 'a', 'b', 'c', 'd'] as const, (name) => merits[name])).toEqual(['c', 'b', 'a', 'd', 'e']);
});

test('nothing is better than its equal', () => {
  expect([compareMerits([-Infinity, 1], [-Infinity, 1]), compareMerits([], [])]).toEqual([0, 0]);
  expect(compareMerits([1, 2], [1, 1])).toBeLessThan(0);
  expect(compareMerits([-Infinity], [0])).toBeGreaterThan(0);
});

test('lists texts by number', () => {
  expect(numbered('answer', ['A', 'B'])).toEqual([
    '<answer number="1">\nA\n</answer>',
    '<answer number="2">\nB\n</answer>',
  ]);
  expect(numbered('response', ['A'], 0)).toEqual(['<response number="0">\nA\n</response>']);
});
