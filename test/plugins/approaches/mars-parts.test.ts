/** The parsing and choosing of `mars`, apart from its calls. */
import { describe, expect, test } from 'vitest';
import { Random } from '../../../core/approach/index.ts';
import { dealGroups } from '../../../plugins/approaches/mars/aggregation.ts';
import { issuesIn } from '../../../plugins/approaches/mars/improvement.ts';
import { shortAnswer } from '../../../plugins/approaches/mars/short-answer.ts';
import { readStrategy, usefulTo } from '../../../plugins/approaches/mars/strategies.ts';
import { readReport } from '../../../plugins/approaches/mars/verification.ts';

describe('a verifier’s report', () => {
  test.each([
    ['The solution is not correct.', 'incorrect'],
    ['CORRECT. No incorrect steps.', 'correct'],
    ['INCOMPLETE, a case is missing, otherwise correct', 'incomplete'],
    ['It seems CORRECT at first.\nVERDICT: INCORRECT', 'incorrect'],
    ['**Overall assessment:** correct', 'correct'],
    ['VERDICT: NOT CORRECT', 'incorrect'],
    ['<think>VERDICT: INCORRECT</think>VERDICT: CORRECT', 'correct'],
    ['Everything seems correct to me.', null],
    ['', null],
  ] as const)('%j: %s', (text, verdict) => {
    expect(readReport(text).verdict).toBe(verdict);
  });

  test.each([
    ['CONFIDENCE: 9', 0.9],
    ['**Confidence:** 7/10', 0.7],
    ['Confidence: 95%', 0.95],
    ['confidence: 3\nmy confidence is 4', 0.4],
    ['Confidence: 4 out of 5', 0.8],
    ['Confidence: 95', null],
    ['Confidence: high', null],
  ])('%j: confidence %s', (text, confidence) => {
    expect(readReport(text).confidence).toBe(confidence);
  });

  test('its issues stand below their label, else in any list', () => {
    const report = '- fine start\n**ISSUES:**\n- step 2 is wrong\n2. a gap\nand more\nSUGGESTIONS:\n- redo it';
    expect(issuesIn(report)).toEqual(['- step 2 is wrong', '2. a gap']);
    expect(issuesIn('Wrong:\n* one\n* two')).toEqual(['* one', '* two']);
    expect(issuesIn('ISSUES: none\nSUGGESTIONS:\n- redo it')).toEqual([]);
    expect(issuesIn('ISSUES:\n- none\nVERDICT: CORRECT')).toEqual([]);
  });
});

test('blank lines without end cost no time', () => {
  const lines = '\n'.repeat(200_000);
  expect(issuesIn(`ISSUES:${lines}- a gap${lines}VERDICT: INCORRECT`)).toEqual(['- a gap']);
  expect(readStrategy(`PROBLEM_TYPE: algebra${lines}KEY_INSIGHTS: six`).text).toBe(
    'PROBLEM_TYPE: algebra\nKEY_INSIGHTS: six',
  );
});

describe('a short answer', () => {
  const js = 'It is this:\n```js\nconst answer = 42;\n```\nDone.';

  test('of code is the last block, in its language', () => {
    expect(shortAnswer(js, 'auto')).toBe('```js\nconst answer = 42;\n```');
    expect(shortAnswer('```\na\n```\n```Rust\nb\n```', 'code')).toBe('```rust\nb\n```');
    expect(shortAnswer('no block', 'code')).toBeUndefined();
  });

  test('of mathematics is the final answer with all its braces', () => {
    expect(shortAnswer(String.raw`so \boxed{\frac{1}{2}}`, 'auto')).toBe(String.raw`\frac{1}{2}`);
    expect(shortAnswer(`${js}\n${String.raw`\boxed{42}`}`, 'auto')).toBe('42');
    expect(shortAnswer('```js\nreturn 42;\n```', 'math')).toBeUndefined();
  });

  test('is not guessed: prose with "for" and "return" is no code', () => {
    expect(shortAnswer('We look for a way to return home.', 'auto')).toBeUndefined();
  });
});

describe('strategies', () => {
  test('are read by their labels, whatever stands around them', () => {
    const said = 'Here:\n**PROBLEM_TYPE:** Number theory\n- KEY_INSIGHTS: a, b\nChatter.\nSOLUTION_PATTERN: c';
    expect(readStrategy(said)).toEqual({
      type: 'number theory',
      text: 'PROBLEM_TYPE: Number theory\nKEY_INSIGHTS: a, b\nSOLUTION_PATTERN: c',
    });
    expect(readStrategy('just count ')).toEqual({ type: undefined, text: 'just count' });
  });

  const of = (agent: number, confidence: number, type?: string) => ({ agent, confidence, type, text: `${agent}` });
  const agents = (found: readonly { agent: number }[]) => found.map(({ agent }) => agent);

  test('go to others than their maker, where sure and of the right branch', () => {
    const all = [of(0, 1, 'algebra'), of(1, 0.7, 'algebra'), of(2, 0.9, 'geometry'), of(3, 0.8), of(4, 0.5, 'algebra')];
    expect(agents(usefulTo(0, all, 'algebra'))).toEqual([3, 1]);
    expect(agents(usefulTo(1, all, 'algebra'))).toEqual([0, 3]);
    expect(agents(usefulTo(3, all, undefined))).toEqual([0, 2]);
  });

  test('are the two most confident where none fits', () => {
    const unsure = [of(0, 0.2), of(1, 0.3), of(2, 0.1), of(3, 0.4)];
    expect(agents(usefulTo(0, unsure, 'algebra'))).toEqual([3, 1]);
    expect(usefulTo(0, [of(0, 1)], 'algebra')).toEqual([]);
  });
});

describe('groups', () => {
  test('never hold one twice, and hold all before one comes again', () => {
    for (let seed = 0; seed < 50; seed++) {
      const groups = dealGroups([1, 2, 3, 4, 5, 6, 7], { size: 3, count: 3, random: new Random(seed) });
      for (const group of groups) expect(new Set(group).size).toBe(3);
      expect(new Set(groups.flat()).size).toBe(7);
    }
  });

  test('are of all there are, where there are fewer', () => {
    const groups = dealGroups(['a', 'b'], { size: 3, count: 2, random: new Random(1) });
    expect(groups.map((group) => group.toSorted())).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });
});
