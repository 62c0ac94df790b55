/** rstar: how the search grows paths, and which one is the answer. */
import { describe, expect, test } from 'vitest';
import type { ChatRequest } from '../../../core/index.ts';
import { contentText } from '../../../core/approach/index.ts';
import { USAGE, type RunOptions } from '../../support/scripted-handler.ts';
import { ask, says, systemOf, stepsIn, traced, tracedOf, paths, FIVE } from './rstar-run.ts';

describe('paths and readers', () => {
  test('five paths of four steps and five readings take 25 calls in 5 rounds', async () => {
    const run = await ask({ script: paths(FIVE, [42, 17, 17, 9, 9].map(says)), request: traced });
    expect([run.text, run.calls.length, run.rounds]).toEqual([says(17), 25, 5]);
    expect(run.completion.usage?.total_tokens).toBe(25 * (USAGE.total_tokens ?? 0));
    expect(tracedOf(run)).toMatchObject({
      paths: 5,
      path_lengths: [4, 4, 4, 4, 4],
      votes: [
        { answer: '17', weight: 5, confidence: 1 },
        { answer: '42', weight: 4, confidence: 1 },
        { answer: '9', weight: 4, confidence: 1 },
      ],
      verified: 3,
      winner: 2,
    });
  });

  test('the answer to a sub-question ends no path', async () => {
    const script = {
      candidate: (request: ChatRequest) =>
        stepsIn(request) === 3 ? says(42) : /Name the sub-question/.test(systemOf(request)) ? 'Answer: 6' : 'Hm.',
      discriminator: () => says(42),
    };
    const run = await ask({ script });
    expect([run.text, run.calls.length]).toEqual([says(42), 25]);
  });

  test('the trace shows the beginning of a long answer', async () => {
    const script = { candidate: () => says('long '.repeat(100)), discriminator: () => says(42) };
    const { votes } = tracedOf(await ask({ script, request: traced })) as { votes: { answer: string }[] };
    expect(Math.max(...votes.map(({ answer }) => answer.length))).toBe(80);
  });

  test('a path ends with the step that states the answer', async () => {
    const script = { candidate: () => says(42), discriminator: () => says(42) };
    const run = await ask({ script });
    expect([run.text, run.calls.length, run.rounds]).toEqual([says(42), 5 + 5, 2]);
  });

  test('a path ends with the step that gives the whole program, if one is asked for', async () => {
    const program = '```python\ndef add(a, b):\n    return a + b\n```';
    const script = {
      candidate: (request: ChatRequest) =>
        /Name the sub-question/.test(systemOf(request)) || stepsIn(request) === 0 ? 'Hm.' : program,
      judge: () => 'Choice: 2',
    };
    const messages = [{ role: 'user', content: 'Write a function that adds two numbers.' }];
    const run = await ask({ script, request: { messages, optigate: { trace: true } } });
    expect(run.text).toBe(program);
    const { path_lengths } = tracedOf(run) as { path_lengths: number[] };
    expect(path_lengths).toContain(2);
    expect(run.calls).toHaveLength(path_lengths.reduce((sum, length) => sum + length, 0) + 1);
    expect(systemOf(run.calls[0]!.request)).toContain('one fenced code block');
    const open = await ask({
      script: { candidate: () => program.slice(0, -4), judge: () => 'Choice: 1' },
      request: { messages },
    });
    expect(open.calls).toHaveLength(5 * 4 + 1);
  });

  test('paths of unequal length do not wait for each other', async () => {
    const script = {
      candidate: (request: ChatRequest, index: number) => (stepsIn(request) === 3 || index === 0 ? says(42) : 'Hm.'),
      discriminator: () => says(42),
    };
    const run = await ask({ script });
    expect([run.calls.length, run.rounds]).toEqual([1 + 16 + 5, 5]);
  });

  test.each([
    { R: 1, D: 1, calls: 3, rounds: 3 },
    { R: 8, D: 1, calls: 24, rounds: 3 },
    { R: 3, D: 8, calls: 30, rounds: 10 },
  ])('$R rollouts of depth $D take $calls calls in $rounds rounds', async ({ R, D, calls, rounds }) => {
    const script = { candidate: () => 'Hm, 5', discriminator: () => says(5) };
    const run = await ask({ script, request: { rstar_num_rollouts: R, rstar_max_depth: D } });
    expect([run.calls.length, run.rounds]).toEqual([calls, rounds]);
  });

  test('the first five rollouts begin with the five different actions', async () => {
    const run = await ask({ script: paths(FIVE, FIVE) });
    expect(new Set(run.calls.slice(0, 5).map(({ request }) => systemOf(request))).size).toBe(5);
  });

  test('the second readers see the beginning of a path, without its answer', async () => {
    const run = await ask({ script: paths(FIVE, FIVE) });
    for (const { request } of run.calls.slice(20)) {
      const beginning = /<beginning>\n([\s\S]*)\n<\/beginning>/.exec(systemOf(request))?.[1] ?? '';
      expect(beginning).toMatch(/^Some thought/);
      expect(beginning).not.toMatch(/answer/);
    }
  });

  test('a path that its reader confirms is shown before one with the same answer', async () => {
    const finals = ['First. The final answer is 42', 'Second. The final answer is 42.0'];
    const script = paths(finals, [says(7), says(42)]);
    const run = await ask({ script, request: { rstar_num_rollouts: 2 } });
    expect(run.text).toBe(finals[1]);
  });

  test('readers alone can win', async () => {
    const run = await ask({ script: paths([1, 2, 3, 4, 5].map(says), [9, 9, 9, 8, 7].map(says)) });
    expect(run.text).toBe(says(9));
  });

  test('a stated answer beats one that only its place makes an answer, at equal weight', async () => {
    const script = paths(['It makes 17', says(42)], [says(1), says(2)]);
    expect((await ask({ script, request: { rstar_num_rollouts: 2 } })).text).toBe(says(42));
  });
});

describe('answers', () => {
  test.each([
    ['The final answer is -5', '-5'],
    ['The final answer is 3.75', '3.75'],
    ['The final answer is 1,234', '1234'],
    [String.raw`\boxed{42} as shown in step 3`, '42'],
    ['The final answer is Shakespeare', 'shakespeare'],
  ])('"%s" is %s', async (reply, answer) => {
    const run = await ask({ script: { candidate: () => reply, discriminator: () => reply }, request: traced });
    expect([run.text, run.rounds]).toEqual([reply, 2]);
    expect(tracedOf(run)).toMatchObject({ votes: [{ answer, weight: 15 }] });
  });

  test('a text without one is shown as it is, whatever numbers the question has', async () => {
    const messages = [{ role: 'user', content: 'Who had more readers in 1999?' }];
    const said: string[] = [];
    const script = { candidate: () => 'Shakespeare', judge: () => 'Choice: 2' };
    const run = await ask({ script, request: { messages, ...traced }, progress: (text) => said.push(text) });
    expect([run.text, run.calls.length, run.rounds]).toEqual(['Shakespeare', 21, 5]);
    expect(said.join()).toMatch(/no line of reasoning states a short answer/i);
    expect(tracedOf(run)).toMatchObject({
      winner: 1,
      why: expect.stringContaining('no path states a short answer') as string,
    });
  });

  test('where no path has one, a judge chooses by the whole paths', async () => {
    const script = { ...paths(['alpha', 'beta', 'gamma'], []), judge: ['Choice: 3'] };
    const run = await ask({ script, request: { rstar_num_rollouts: 3 } });
    expect([run.text, run.calls.length, run.rounds]).toEqual(['gamma', 13, 5]);
    const shown = contentText(run.calls.at(-1)?.request.messages[1]?.content);
    expect(shown).toMatch(/<solution number="1">\nSome thought, number 0\.\n\nSome[\s\S]*alpha/);
  });

  test('a judge that fails leaves the first path, and the client is told', async () => {
    const script = { ...paths(['alpha', 'beta', 'gamma'], []), judge: [{ status: 500 }] };
    const run = await ask({ script, request: { rstar_num_rollouts: 3 } });
    expect(run.text).toBe('alpha');
    expect(run.exchange.headers.get('x-optigate-degraded')).toBe('judges_failed');
  });

  test('the whole path is shown on demand', async () => {
    const run = await ask({ script: paths(FIVE, FIVE), request: { return_full_response: true } });
    expect(run.text).toMatch(/^(Some thought, number \d+\.\n\n){3}So it is\. The final answer is 42$/);
  });
});

describe('a search in batches', () => {
  test.each([
    { g: 1, calls: 25, rounds: 21 },
    { g: 2, calls: 25, rounds: 13 },
    { g: 3, calls: 25, rounds: 9 },
    { g: 5, calls: 25, rounds: 5 },
  ])('of $g takes $rounds rounds', async ({ g, calls, rounds }) => {
    const run = await ask({ script: paths(FIVE, FIVE), request: { rstar_batch: g } });
    expect([run.calls.length, run.rounds]).toEqual([calls, rounds]);
  });

  test('goes on below the root once all its actions were tried, where earlier paths agreed', async () => {
    const script = {
      candidate: (request: ChatRequest, index: number) => {
        if (stepsIn(request) === 0) return ['one', 'two', 'three', 'four', 'five'][index % 5]!;
        return systemOf(request).includes('\nthree\n') || systemOf(request).includes('\nfour\n')
          ? says(42)
          : says(index);
      },
      discriminator: () => says(42),
    };
    const run = await ask({ script, request: { rstar_batch: 5, rstar_num_rollouts: 6, rstar_c: 0 } });
    const sixth = run.calls.findLast(({ role }) => role === 'candidate')!;
    expect(systemOf(sixth.request)).toMatch(/<step number="1">\nthree\n/);
    // 5 × 2 steps, one more step for the sixth path, 6 readings.
    expect([run.text, run.calls.length, run.rounds]).toEqual([says(42), 17, 4]);
  });

  test('stops where there is nothing left to explore', async () => {
    const script = { candidate: () => says(42), discriminator: () => says(42) };
    const run = await ask({ script, request: { rstar_batch: 5, rstar_num_rollouts: 12 } });
    expect([run.text, run.calls.length, run.rounds]).toEqual([says(42), 10, 2]);
  });
});

describe('early stop', () => {
  const early = (script: RunOptions['script']) => ask({ script, request: { rstar_early_stop: true, ...traced } });

  test('reads nothing again where all paths state the same answer', async () => {
    const run = await early({ candidate: () => says(42) });
    expect([run.text, run.calls.length, run.rounds]).toEqual([says(42), 5, 1]);
    expect(tracedOf(run)).toMatchObject({ saved_calls: 5, winner: 0 });
  });

  test.each([says(41), 'It makes 42'])('reads all where one ends with "%s"', async (last) => {
    const run = await early(paths([...FIVE.slice(0, 2), ...FIVE.slice(0, 2), last], FIVE));
    expect(run.calls.length).toBe(25);
  });
});

describe('n', () => {
  test.each(['honours', 'rejects', 'ignores'] as const)('top of a plain call is as many (n: %s)', async (n) => {
    const request = { tools: [{ type: 'function' }], n: 3, optigate: { n: 'top' } };
    const run = await ask({ script: { answer: (_, index) => `plain ${index}` }, n, request });
    expect(run.completion.choices.map(({ index, message }) => [index, message.content])).toEqual(
      [0, 1, 2].map((index) => [index, `plain ${index}`]),
    );
  });

  test('top gives the best of one search, one for each answer first', async () => {
    const script = paths(FIVE, [42, 17, 17, 9, 9].map(says));
    const run = await ask({ script, request: { n: 4, optigate: { n: 'top' } } });
    expect(run.completion.choices.map(({ message }) => message.content)).toEqual([17, 42, 9, 42].map(says));
    expect(run.calls.length).toBe(25);
  });
});

test('says what it does while it works', async () => {
  const said: string[] = [];
  await ask({ script: paths(FIVE, FIVE), progress: (text) => said.push(text) });
  expect(said).toEqual([
    'Growing 5 lines of reasoning.',
    '5 lines of reasoning are there, a second reader completes each from its beginning.',
    '3 answers were found, the best has 6 votes.',
  ]);
});

test.each([
  ['rstar_max_depth', 0],
  ['rstar_max_depth', 9],
  ['rstar_num_rollouts', 0],
  ['rstar_num_rollouts', 33],
  ['rstar_c', 10.5],
  ['rstar_batch', 0],
])('refuses %s %s, naming the field', async (option, value) => {
  await expect(ask({ script: {}, request: { optigate: { rstar: { [option]: value } } } })).rejects.toMatchObject({
    status: 400,
    param: `optigate.rstar.${option}`,
  });
});
