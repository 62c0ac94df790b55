import { describe, expect, test } from 'vitest';
import { agreementOf, classesOf, groupsOf, toAnswers, topChoices, type Answer } from '../../../core/approach/index.ts';
import { bytesReply, ByteStream, completeReply, Payload, type Reply } from '../../../core/index.ts';
import { callTo, upstreamAt } from '../../support/upstream-call.ts';

/** What one upstream call with so many choices brings. */
function poolOf(...texts: readonly (string | { readonly text: string; readonly finish: string })[]): readonly Answer[] {
  const choices = texts.map((one, index) => {
    const { text, finish } = typeof one === 'string' ? { text: one, finish: 'stop' } : one;
    return { index, message: { role: 'assistant', content: text }, finish_reason: finish };
  });
  const value = { id: 'c', object: 'chat.completion' as const, created: 1, model: 'm', choices };
  return toAnswers(completeReply(Payload.fromValue(value)), callTo(upstreamAt('http://main.test/v1')));
}

function shown(reply: Reply) {
  if (reply.kind !== 'complete') throw new Error('not complete');
  return reply.body.value.choices.map(({ index, message }: Answer['choice']) => [index, message.content]);
}

describe('topChoices', () => {
  const cut = { text: 'cut', finish: 'length' };
  const answers = poolOf('a', cut, '', 'b', { text: 'filtered', finish: 'content_filter' }, 'c');
  const [a, , , b, , c] = answers as [Answer, Answer, Answer, Answer, Answer, Answer];

  test('shows the first places of the order', () => {
    expect(shown(topChoices([c, a, b], answers, 2))).toEqual([
      [0, 'c'],
      [1, 'a'],
    ]);
  });

  test('gives a single place the winner alone', () => {
    expect(shown(topChoices([c, a, b], answers, 1))).toEqual([[0, 'c']]);
  });

  test('fills the last places with what is usable but was no candidate', () => {
    expect(shown(topChoices([c, a, b], answers, 9))).toEqual([
      [0, 'c'],
      [1, 'a'],
      [2, 'b'],
      [3, 'cut'],
    ]);
  });

  test('shows what is no complete answer as it is', () => {
    const reply = bytesReply(ByteStream.from([]), 200, []);
    expect(topChoices([{ ...a, reply }, b], answers, 2)).toBe(reply);
  });

  test('refuses to show nothing', () => {
    expect(() => topChoices([], [], 1)).toThrow('there is nothing to return');
  });
});

test('groups are in the order of their size, classes in the order of their first members', () => {
  const isSame = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
  const items = ['a', 'b', 'c', 'B', 'C'];
  expect(classesOf(items, isSame)).toEqual([['a'], ['b', 'B'], ['c', 'C']]);
  expect(groupsOf(items, isSame)).toEqual([['b', 'B'], ['c', 'C'], ['a']]);
});

test('agreement counts who comes to the same answer; whoever states none agrees with nobody', () => {
  expect(agreementOf(poolOf('The answer is 4', 'prose', 'answer: 4.0', 'prose', 'answer: 5'))).toEqual([2, 1, 2, 1, 1]);
});
