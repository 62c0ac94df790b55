import { describe, expect, test } from 'vitest';
import type { Answer } from '../../../core/approach/index.ts';
import { completeReply } from '../../../core/exchange/reply.ts';
import { Payload } from '../../../core/bytes/payload.ts';
import { agrees, isConclusion, overlap, prefixOf, resultOf } from '../../../plugins/approaches/rstar/results.ts';
import {
  addChild,
  backUp,
  createNode,
  select,
  stepsTo,
  uct,
  untriedActions,
  type Node,
} from '../../../plugins/approaches/rstar/tree.ts';

function answer(text: string, finish_reason = 'stop'): Answer {
  const choice = { index: 0, message: { role: 'assistant', content: text }, finish_reason };
  const value = { id: '', object: 'chat.completion', created: 1, model: 'm', choices: [choice] };
  return { text, choice, usage: undefined, reply: completeReply(Payload.fromValue(value)) };
}

describe('results', () => {
  test.each([
    ['The final answer is -5', '-5', 1],
    [String.raw`\boxed{42} as shown in step 3`, '42', 1],
    ['It makes 3.75', '3.75', 0.5],
    ['B', 'B', 0.5],
    ['Hence vitamin C.', 'C', 0.5],
  ])('"%s" comes to %s, with confidence %d', (text, result, confidence) => {
    expect(resultOf(answer(text))).toEqual({ answer: result, confidence });
  });

  test('neither prose nor a text that was cut comes to anything', () => {
    expect(resultOf(answer('Shakespeare'))).toBeUndefined();
    expect(resultOf(answer('The final answer is 4', 'length'))).toBeUndefined();
  });

  test('readings agree by their answers, else by their words', () => {
    const path = { answer: '0.5', confidence: 1 };
    expect(agrees(path, 'whatever', answer('The final answer is 1/2'))).toBe(true);
    expect(agrees(path, 'whatever', answer('The final answer is 2'))).toBe(false);
    expect(agrees(undefined, 'The cat sat down.', answer('the cat, sat down'))).toBe(true);
    expect(agrees(undefined, 'The cat sat down.', answer('the dog sat down'))).toBe(false);
  });

  test('the overlap of words is their shared share', () => {
    expect(overlap('a b c', 'B, c. d')).toBe(0.5);
    expect(overlap('', '')).toBe(0);
  });

  test('a prefix ends at the end of a word, and gives no answer away', () => {
    const text = 'one two three four five';
    expect(prefixOf(text, 0.5)).toBe('one two');
    expect(prefixOf('word', 0.8)).toBe('');
    expect(prefixOf('first line\nThe final answer is 42, as shown below in full length', 0.8)).toBe('first line');
  });

  test('a prefix of a text without blanks is cut anywhere but in a character', () => {
    expect(prefixOf('字'.repeat(100), 0.8)).toBe('字'.repeat(56));
    expect(prefixOf('😀'.repeat(50), 0.81).isWellFormed()).toBe(true);
    expect(prefixOf('x'.repeat(1_000_000), 0.8)).toHaveLength(800_000 - 24);
  });

  test('what answers a sub-question concludes nothing, unless it says that it is final', () => {
    const answered = answer('Which half? The first.\nAnswer: 6');
    expect(isConclusion(answered, { action: 'subquestion' })).toBe(false);
    expect(isConclusion(answered, { action: 'remaining_steps' })).toBe(true);
    expect(isConclusion(answer('Answer: 6\n**Final Answer:** 42'), { action: 'subquestion' })).toBe(true);
    expect(isConclusion(answer(String.raw`So \boxed{42}`), { action: 'subquestion' })).toBe(true);
  });
});

describe('the tree', () => {
  test('the bound is mean plus exploration, infinite for an unvisited child', () => {
    const child = { value: 1.5, visits: 2, parentVisits: 5 };
    expect(uct({ ...child, exploration: 1.4 })).toBeCloseTo(0.75 + 1.4 * Math.sqrt(Math.log(5) / 2), 10);
    expect(uct({ ...child, exploration: 0 })).toBe(0.75);
    expect(uct({ value: 0, visits: 0, parentVisits: 5, exploration: 1.4 })).toBe(Infinity);
  });

  /** A node each of whose actions was taken, with these rewards. */
  function expanded(parent: Node, rewards: readonly number[]): readonly Node[] {
    return rewards.map((reward) => {
      const child = addChild(parent, untriedActions(parent)[0]!);
      child.step = answer(`${reward}`);
      backUp(child, reward);
      return child;
    });
  }

  test('selection stays where an action is untried, else goes down by the bound', () => {
    const root = createNode();
    expanded(root, [0.1, 0.9, 0.2, 0.3]);
    expect(select(root, 1.4)).toBe(root);
    expanded(root, [0.4]);
    expect(select(root, 1.4)).toBe(root.children[1]);
    expect(stepsTo(root.children[1]!).map(({ text }) => text)).toEqual(['0.9']);
  });

  test('paths that ended, and steps still being made, are not gone down to', () => {
    const root = createNode();
    const children = expanded(root, [0.1, 0.9, 0.2, 0.3, 0.4]);
    children[1]!.isTerminal = true;
    children[4]!.step = undefined;
    expect(select(root, 1.4)).toBe(children[3]);
    for (const child of children) child.isTerminal = true;
    expect(select(root, 1.4)).toBeUndefined();
  });
});
