import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  answerOf,
  choiceOf,
  codeBlocks,
  rankingOf,
  sameAnswer,
  scoreOf,
  stripThinking,
  tagContent,
  verdictOf,
} from '../../../core/approach/index.ts';

describe('stripThinking', () => {
  test.each([
    ['<think>a</think>b', 'b'],
    ['x<think>a</think>b<think>c</think>d', 'xbd'],
    ['a</think>b', 'b'],
    ['b<think>a', 'b'],
    ['<THINK>a</Think>b', 'b'],
    ['plain', 'plain'],
    ['<think>a</think>', ''],
  ])('%o leaves %o', (text, rest) => {
    expect(stripThinking(text)).toBe(rest);
  });

  test('leaves no tag and is idempotent', () => {
    const parts = fc.array(fc.constantFrom('<think>', '</think>', 'a', '\n', '<'));
    fc.assert(
      fc.property(parts, (texts) => {
        const once = stripThinking(texts.join(''));
        expect(once).not.toMatch(/<\/?think>/);
        expect(stripThinking(once)).toBe(once);
      }),
    );
  });
});

describe('answerOf', () => {
  test.each([
    [String.raw`so \boxed{\frac{1}{2}} and \boxed{x_{1}}.`, 'x_{1}'],
    ['The answer is 42.', '42.'],
    ['**Final answer:** 7', '7'],
    ['answer = 3\nAnswer: 5 apples\n', '5 apples'],
    ['I think it must be (C)', 'C'],
    ['<think>answer: 1</think>The final answer is: 2', '2'],
    ['a poem about rain', null],
    ['answer:', null],
    ['FINAL ANSWER IS: x y', 'x y'],
    ['Answer: 1\nThe answer is 2\nso it ends', '2'],
    [String.raw`Answer: 1, \boxed{2}`, '2'],
    ['It must be B.', 'B'],
    ['Plan Z', null],
    ['the letter b', null],
    ['<think>\\boxed{1}', null],
    ['It makes 42', null],
    [String.raw`\boxed{} then \boxed{9`, null],
  ])('%o states %o', (text, answer) => {
    expect(answerOf(text)).toBe(answer);
  });

  test('a model that repeats itself without end costs no time', () => {
    const long = (sign: string) => sign.repeat(200_000);
    expect(answerOf(`Answer: 42\n${long('\n')}b`)).toBe('42');
    for (const sign of ['.', '"', ' ']) expect(answerOf(`Answer: a${long(sign)}b`)).toBe(`a${long(sign)}b`);
    expect(sameAnswer(`a${long('_')}b`, `a${long('*')}b`)).toBe(false);
    expect(answerOf(`${'the answer is '.repeat(50_000)}42`)).toBe('42');
  });

  test('takes the last number of the last line where a number is expected', () => {
    expect(answerOf('1 and 2\nso 3 or 4 eggs\n\n', { isNumeric: true })).toBe('4');
    expect(answerOf('costs $1,234.50', { isNumeric: true })).toBe('1,234.50');
  });

  test('finds any answer after its label', () => {
    const word = fc.stringMatching(/^[a-z0-9]{1,9}$/).filter((text) => !/answer/i.test(text));
    fc.assert(
      fc.property(
        fc.lorem(),
        word,
        fc.constantFrom('The final answer is ', 'ANSWER: ', '**Answer:** '),
        (before, answer, label) => {
          expect(answerOf(`${before.replaceAll(/answer/gi, '')}\n${label}${answer}\n`)).toBe(answer);
        },
      ),
    );
  });
});

describe('sameAnswer', () => {
  test.each([
    ['$42$', '42.0'],
    ['1,234', '1234.00'],
    ['1/2', '0.5'],
    [String.raw`\frac{1}{2}`, '50%'],
    ['-3', '-3.0'],
    ['"Paris".', ' paris'],
    [String.raw`\text{yes}`, 'Yes'],
    ['**B**', 'b'],
    ['(C)', 'C.'],
    ['\u22125', '-5'],
    ['+7', '7'],
    ['__42__', '*42*'],
    [String.raw`\frac{-3}{4}`, '-0.75'],
    [String.raw`12.5\%`, '1/8'],
    ['two   words', 'Two words!'],
    ['0.30000000001', '0.3'],
  ])('%s is %s', (a, b) => {
    expect(sameAnswer(a, b)).toBe(true);
  });

  test.each([
    ['42', '43'],
    ['42', '42 km'],
    ['forty', '40'],
    ['1/0', '2/0'],
    ['1,23', '123'],
    ['2*3', '23'],
    ['4**2', '42'],
    ['a_b', 'ab'],
    ['0.3000001', '0.3'],
    ['50%', '50'],
    ['(x)', 'x'],
  ])('%s is not %s', (a, b) => {
    expect(sameAnswer(a, b)).toBe(false);
  });

  test('is symmetrical and reflexive, and knows a number in any dress', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(sameAnswer(a, a)).toBe(true);
        expect(sameAnswer(a, b)).toBe(sameAnswer(b, a));
      }),
    );
    fc.assert(
      fc.property(fc.integer(), (n) => {
        for (const dress of [`$${n}$`, `${n}.0`, n.toLocaleString('en-US'), ` **${n}**. `, `${n}/1`])
          expect([dress, sameAnswer(String(n), dress)]).toEqual([dress, true]);
        expect(sameAnswer(String(n), String(n + 1))).toBe(false);
      }),
    );
  });
});

describe('scoreOf', () => {
  test.each([
    ['9', 9],
    ['7/10', 7],
    ['3/5', 6],
    ['80 out of 100', 8],
    ['**Score:** 9', 9],
    ['Rating: 8/10', 8],
    ['Score: 2, no, Score: [[6]]', 6],
    ['The score is 5.', 5],
    ['<think>score: 1</think> 4', 4],
    ['{"score": 7.5, "why": "x"}', 7.5],
    ['fine\n\n8', 8],
    ['{"why": "it uses {braces}", "score": 7}', 7],
    ['{"parts": {"style": 2}, "score": 6}', 6],
    ['Here: {"rating": 4} done', 4],
    ['{"score": "high", "rating": 3}', 3],
    ['{"score": 12}', null],
    ['{"score": "7"}', null],
    ['{ not json } Score: 5', 5],
    ['{"score": 3} Score: 9', 3],
    ['Score = 4', 4],
    ['rating is 2', 2],
    ['Score: 5 / 0', null],
    ['Score: NaN', null],
    ['It has 3 flaws\nof 10', null],
    ['Overall rating = 1e1', 10],
    ['11', null],
    ['-1', null],
    ['Infinity', null],
    ['score: 1e999', null],
    ['no idea', null],
    ['12 apples', null],
    ['', null],
  ])('%o is %o', (text, score) => {
    expect(scoreOf(text, 0, 10)).toBe(score);
  });

  test('a judge that writes nothing but braces costs no time', () => {
    expect(scoreOf('{'.repeat(200_000), 0, 10)).toBeNull();
  });

  test('is on the scale, or null', () => {
    fc.assert(
      fc.property(fc.string(), fc.double(), (text, number) => {
        for (const said of [text, `Score: ${number}`, String(number)]) {
          const score = scoreOf(said, 0, 10);
          expect(score === null || (score >= 0 && score <= 10)).toBe(true);
        }
      }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 }), fc.lorem(), (score, words) => {
        expect(scoreOf(`${words}\nScore: ${score}`, 0, 10)).toBe(score);
        expect(scoreOf(`${words}\n**Score:** ${score}/10`, 0, 10)).toBe(score);
      }),
    );
  });
});

describe('verdictOf', () => {
  const words = ['CORRECT', 'INCORRECT', 'INCOMPLETE'] as const;
  test.each([
    ['All fine.\nVERDICT: CORRECT', 'CORRECT'],
    ['It looks correct at first. VERDICT: incorrect', 'INCORRECT'],
    ['Overall assessment: **incomplete**', 'INCOMPLETE'],
    ['This is NOT CORRECT', 'INCORRECT'],
    ['verdict: not correct', 'INCORRECT'],
    ['CORRECT, or rather INCOMPLETE', 'INCOMPLETE'],
    ['it is correct', null],
  ])('%o is %o', (text, verdict) => {
    expect(verdictOf(text, words)).toBe(verdict);
  });
});

test('choiceOf takes a labelled number, or one alone in the last line, that is there', () => {
  expect([
    choiceOf('Choice: 2', 3),
    choiceOf('best: [[3]]', 3),
    choiceOf('hm\n1', 3),
    choiceOf('Choice: 4', 3),
    choiceOf('all 2', 3),
  ]).toEqual([1, 2, 0, null, null]);
});

test('rankingOf names each once, or nothing', () => {
  expect([
    rankingOf('Ranking: 2 > 1 > 3', 3),
    rankingOf('3, 1, 2', 3),
    rankingOf('2 > 2 > 1', 3),
    rankingOf('1 > 2', 3),
  ]).toEqual([[1, 0, 2], [2, 0, 1], null, null]);
});

test('tags and code are read to their end', () => {
  expect([tagContent('<o>a</o><o>b</o>', 'o'), tagContent('<o>b', 'o'), tagContent('b', 'o')]).toEqual([
    'b',
    'b',
    undefined,
  ]);
  expect(tagContent('<o>a</o> then <o>b</o> and more', 'o')).toBe('b');
  expect(codeBlocks('x\n```Python\r\na\r\n```\nand\n~~~\nb\n~~~\n```js\nc')).toEqual([
    { language: 'python', code: 'a' },
    { language: '', code: 'b' },
    { language: 'js', code: 'c' },
  ]);
});
