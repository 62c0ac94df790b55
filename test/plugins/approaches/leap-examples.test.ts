import { describe, expect, test } from 'vitest';
import {
  examplesIn,
  examplesInTurns,
  isRight,
  mayHaveExamples,
  outputOf,
} from '../../../plugins/approaches/leap/examples.ts';

const user = (content: unknown) => ({ role: 'user', content }) as { role: string; content: string };
const assistant = (content: string) => ({ role: 'assistant', content });

describe('signs of examples', () => {
  test.each([
    ['What is six times seven?', false],
    ['Give me one example of a prime.', false],
    ['Note: be brief.\nWhat is it?', false],
    ['Q: 1+1\nA: 2\nQ: 2+2\nA:', true],
    ['Q: 1+1 A: 2 Q: 2+2 A:', true],
    ['Q1: 1+1\nA1: 2\nQ2: 2+2', true],
    ['Review: nice\nSentiment: good\nReview: awful\nSentiment:', true],
    ['**Text:** a\n**Text:** b', true],
    ['问：1+1?\n答：2\n问：2+2?\n答：', true],
    ['Übung: 1+1\nLösung: 2\nÜbung: 2+2', true],
    ['apple -> pomme\npear ->  poire', true],
    ['Here are examples of the task.', true],
  ])('in %j: %s', (text, isSign) => {
    expect(mayHaveExamples([user(text)])).toBe(isSign);
  });

  test('are several user turns as well', () => {
    expect(mayHaveExamples([user('a'), assistant('b'), user('c')])).toBe(true);
  });

  test('are looked for in linear time', () => {
    const started = performance.now();
    for (const text of [`q${' '.repeat(200_000)}`, `a${' '.repeat(200_000)}`, '* '.repeat(100_000)])
      mayHaveExamples([user(text)]);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe('examples in turns', () => {
  const pairs = [user('1+1'), assistant('2'), user('2+2'), assistant('4')];

  test('are the pairs before the question', () => {
    expect(examplesInTurns([{ role: 'system', content: 'Add.' }, ...pairs, user('3+3')])).toEqual([
      { question: '1+1', answer: '2' },
      { question: '2+2', answer: '4' },
    ]);
  });

  test.each([
    ['a single pair', [user('1+1'), assistant('2'), user('3+3')]],
    ['no question after them', pairs],
    ['a tool turn', [...pairs, user('3+3'), assistant(''), { role: 'tool', content: '6' }]],
    ['a tool call', [user('a'), { ...assistant(''), tool_calls: [] }, ...pairs.slice(2), user('3+3')]],
    ['an image', [user([{ type: 'image_url' }]), assistant('2'), ...pairs.slice(2), user('3+3')]],
    ['two user turns in a row', [user('a'), ...pairs, user('3+3')]],
  ])('are not seen in %s', (_, messages) => {
    expect(examplesInTurns(messages)).toBeUndefined();
  });
});

describe('examples as JSON', () => {
  const one = { question: '1+1', answer: '2' };
  const two = { question: 'a "b" {c}', answer: 'd' };
  const json = JSON.stringify([one, two]);

  test.each([
    ['as asked for', json, [one, two]],
    ['in a fence', `\`\`\`json\n${json}\n\`\`\``, [one, two]],
    ['after a word', `Here's the JSON: ${json}`, [one, two]],
    ['cut', json.slice(0, -5), [one]],
    ['one object', JSON.stringify(one), [one]],
    ['inside an object', JSON.stringify({ examples: [one] }), [one]],
    ['numbers and booleans', '[{"question": 9, "answer": true}]', [{ question: '9', answer: 'true' }]],
    ['texts', '["a", "b"]', []],
    ['objects of other kinds', '[{"q": 1}, {"question": "a"}, {"question": {}, "answer": []}, null]', []],
    ['empty answers', '[{"question": "a", "answer": " "}]', []],
    ['none', '[]', []],
    ['no JSON', 'There are none.', undefined],
    ['nothing', '', undefined],
  ])('%s', (_, text, examples) => {
    expect(examplesIn(text)).toEqual(examples);
  });
});

test.each([
  ['<output>a</output> b <output>c</output>', 'a'],
  ['x <output>\n a\n', 'a'],
  ['<think><output>no</output></think><output>a</output>', 'a'],
  ['a', ''],
])('the output of %j is %j', (reply, output) => {
  expect(outputOf(reply)).toBe(output);
});

test.each([
  ['9.0', '9', true],
  ['9 apples', '9', true],
  ['The answer is 9.', '9', true],
  ['9', 'We add. The answer is 9', true],
  ['Paris', 'paris.', true],
  ['8', '9', false],
  ['9 apples', '9 pears', false],
  ['8 or 9', '9', false],
  ['London', 'Paris', false],
])('%j is right where %j is: %s', (answer, right, is) => {
  expect(isRight(answer, right)).toBe(is);
});
