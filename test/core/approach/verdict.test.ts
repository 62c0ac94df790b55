import { expect, test } from 'vitest';
import { choiceOf, rankingOf, scoreOf } from '../../../core/approach/verdict.ts';

test('the angle brackets of a form do not hide what was filled in', () => {
  expect(scoreOf('Good.\nScore: <8.5>', 0, 10)).toBe(8.5);
  expect(scoreOf('Score: <0-10>', 0, 10)).toBeNull();
  expect(choiceOf('The second.\nChoice: <2>', 3)).toBe(1);
  expect(rankingOf('Ranking: <2> > <1> > <3>', 3)).toEqual([1, 0, 2]);
});
