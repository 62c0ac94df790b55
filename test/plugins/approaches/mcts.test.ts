/** mcts: where the search goes, and which reply it returns. */
import { describe, expect, test } from 'vitest';
import type { ChatRequest } from '../../../core/index.ts';
import { USAGE, type RunOptions } from '../../support/scripted-handler.ts';
import { ask, lastText, isAtRoot, ratedReply, dialogue, options } from './mcts-run.ts';

function contentOf(one: { readonly message?: { readonly content?: unknown }; readonly content?: unknown }): unknown {
  return one.message ? one.message.content : one.content;
}

describe('the search', () => {
  test.each([
    { S: 1, d: 1, calls: 4, rounds: 4, answer: 'A' },
    { S: 2, d: 1, calls: 7, rounds: 4, answer: 'B' },
    { S: 3, d: 1, calls: 10, rounds: 4, answer: 'C' },
    { S: 4, d: 1, calls: 14, rounds: 8, answer: 'C' },
    { S: 5, d: 1, calls: 17, rounds: 11, answer: 'C' },
    { S: 3, d: 0, calls: 4, rounds: 2, answer: 'C' },
    { S: 3, d: 2, calls: 16, rounds: 6, answer: 'C' },
    { S: 2, d: 8, calls: 35, rounds: 18, answer: 'B' },
  ])('of $S simulations of $d turns takes $calls calls in $rounds rounds', async ({ S, d, calls, rounds, answer }) => {
    const run = await ask({ script: dialogue(), ...options(S, d) });
    expect([run.text, run.calls.length, run.rounds]).toEqual([answer, calls, rounds]);
    expect(run.completion.usage?.total_tokens).toBe(calls * (USAGE.total_tokens ?? 0));
  });

  test('makes 7 calls in 4 rounds by default, and never returns the first reply for want of a choice', async () => {
    const run = await ask({ script: dialogue() });
    expect([run.text, run.calls.length, run.rounds]).toEqual(['B', 7, 4]);
    expect(run.calls[0]?.request.n).toBe(2);
  });

  test('sends the fourth simulation to the best reply, one level deeper', async () => {
    const run = await ask({ script: dialogue(), ...options(4, 1, { optigate: { trace: true } }) });
    const [expansion, imagined, step, rating] = run.calls.slice(10).map(({ request }) => request);
    const said = (request: ChatRequest | undefined) => request?.messages.slice(1).map(contentOf);
    expect(said(expansion)).toEqual(['C', 'and then?']);
    expect(expansion?.n).toBe(3);
    expect(said(imagined)?.slice(0, -1)).toEqual(['C', 'and then?', 'well']);
    expect(said(step)).toEqual(['C', 'and then?', 'well', 'and then?']);
    expect(ratedReply(rating!)).toBe('C');
    expect(run.completion['optigate']).toMatchObject({ mcts: { visits: [1, 1, 2], winner: 2 } });
  });

  test('at depth 0 has nothing to do beyond one rating per reply', async () => {
    const run = await ask({ script: dialogue(), ...options(9, 0, { optigate: { max_calls: 4 } }) });
    expect([run.text, run.calls.length, run.rounds]).toEqual(['C', 4, 2]);
    expect(run.exchange.headers.get('x-optigate-degraded')).toBeUndefined();
  });

  test('leaves a reply whose prospects turn out worse', async () => {
    const script = () => ({
      ...dialogue(),
      // The first look at C is promising, those further down are not.
      judge: (request: ChatRequest) =>
        ratedReply(request) === 'C' && lastText(request).split('role="assistant"').length > 3
          ? '0'
          : `${{ A: 0.5, B: 0.6, C: 0.9 }[ratedReply(request)]}`,
    });
    expect((await ask({ script: script(), ...options(3, 1) })).text).toBe('C');
    expect((await ask({ script: script(), ...options(4, 1) })).text).toBe('B');
  });

  test('ends with an answer where the user said "goodbye"', async () => {
    const messages = [{ role: 'user', content: 'Goodbye!' }];
    const run = await ask({ script: dialogue(), request: { messages } });
    expect([run.reply.status, run.text, run.calls.length]).toEqual([200, 'B', 7]);
  });

  test('makes the same calls when it is repeated', async () => {
    const again = async () => {
      const run = await ask({ script: dialogue(), ...options(6, 2, { seed: 1 }) });
      return run.calls.map(({ bytes }) => bytes);
    };
    expect(await again()).toEqual(await again());
  });

  test('keeps each request’s depth to itself', async () => {
    const [one, two] = await Promise.all([
      ask({ script: dialogue(), ...options(2, 1) }),
      ask({ script: dialogue(), ...options(2, 3) }),
    ]);
    const third = await ask({ script: dialogue() });
    expect([one, two, third].map(({ calls }) => calls.length)).toEqual([7, 15, 7]);
  });
});

describe('ratings', () => {
  test.each([
    ['in any form', ['**Score:** 0.3', '<think>1</think>7/10', '{"score": 0.5}'], 'B'],
    ['off the scale count for nothing', ['Score: 7', '0.1', '-1'], 'B'],
    ['that cannot be read leave the first', ['good', 'bad', 'ugly'], 'A'],
    ['that are equal leave the first', ['0.5', '0.5', '0.5'], 'A'],
  ])('%s', async (_, judge, answer) => {
    const run = await ask({ script: { ...dialogue(), judge }, ...options(3, 1) });
    expect([run.reply.status, run.text, run.calls.length]).toEqual([200, answer, 10]);
  });

  test('that cannot be read leave the answer most replies come to', async () => {
    const replies = ['answer: 17', 'answer: 42', 'The answer is 42.'];
    const candidate = (request: ChatRequest, index: number) => (isAtRoot(request) ? replies[index]! : 'well');
    const run = await ask({ script: { ...dialogue(), candidate, judge: () => 'fine' }, ...options(3, 1) });
    expect(run.text).toBe('answer: 42');
    expect(run.exchange.headers.get('x-optigate-degraded')).toBe('judges_failed');
  });

  test('that all fail leave the first, and the client is told', async () => {
    const run = await ask({ script: { ...dialogue(), judge: () => ({ status: 500 }) } });
    expect([run.text, run.calls.length]).toEqual(['A', 7]);
    expect(run.exchange.headers.get('x-optigate-degraded')).toBe('judges_failed');
  });

  test('that fail cost their reply the value, nothing more', async () => {
    const judge = [{ status: 500 }, '0.4', '0.3'];
    expect((await ask({ script: { ...dialogue(), judge }, ...options(3, 1) })).text).toBe('B');
  });
});

describe('early stop', () => {
  const early = (script: RunOptions['script'], S: number, more = {}) =>
    ask({ script, ...options(S, 1, { mcts_early_stop: true, optigate: { trace: true, ...more } }) });

  test('leaves out simulations that can no longer change the winner', async () => {
    const run = await early(dialogue(), 4);
    expect([run.text, run.calls.length, run.rounds]).toEqual(['C', 10, 4]);
    expect(run.completion['optigate']).toMatchObject({ mcts: { saved_calls: 4, winner: 2 } });
  });

  test('makes those that can', async () => {
    const run = await early(dialogue({ A: 0.1, B: 0.8, C: 0.9 }), 4);
    expect([run.text, run.calls.length]).toEqual(['C', 14]);
  });

  test('rates nothing where all replies are the same', async () => {
    const run = await early({ candidate: () => 'same' }, 3);
    expect([run.text, run.calls.length]).toEqual(['same', 1]);
    expect(run.completion['optigate']).toMatchObject({ mcts: { saved_calls: 9 } });
  });

  test('looks at all of several choices', async () => {
    const run = await ask({
      script: dialogue(),
      ...options(4, 1, { n: 2, mcts_early_stop: true, optigate: { n: 'top' } }),
    });
    expect(run.calls.length).toBe(14);
  });
});

describe('n', () => {
  test('top gives the best of one tree', async () => {
    const run = await ask({ script: dialogue(), ...options(3, 1, { n: 2, optigate: { n: 'top' } }) });
    expect(run.completion.choices.map(contentOf)).toEqual(['C', 'B']);
    expect([run.calls.length, run.rounds]).toEqual([10, 4]);
  });

  test('top says where fewer replies are of use than were asked for', async () => {
    const script = { ...dialogue(), candidate: ['A', '', 'C'] };
    const run = await ask({ script, ...options(3, 0, { n: 3, optigate: { n: 'top' } }) });
    expect(run.completion.choices.map(contentOf)).toEqual(['C', 'A']);
    expect(run.exchange.headers.get('x-optigate-degraded')).toBe('choices_missing');
  });

  test('top gives as many as were asked for, also where fewer are rated', async () => {
    const run = await ask({ script: dialogue(), request: { n: 4, optigate: { n: 'top' } } });
    expect(run.completion.choices.map(contentOf)).toEqual(['B', 'A', 'C', 'D']);
    expect(run.calls.length).toBe(7);
  });
});

test('says what it does while it works', async () => {
  const said: string[] = [];
  await ask({ script: dialogue(), ...options(4, 1), progress: (text) => said.push(text) });
  expect(said).toEqual([
    'Writing 3 replies to choose from.',
    'Playing the conversation on after each reply, and rating it.',
    'Simulation 4 of 4.',
  ]);
});

test('its trace tells visits, values and why one won', async () => {
  const run = await ask({ script: dialogue(), request: { optigate: { trace: true } } });
  expect(run.completion['optigate']).toMatchObject({
    rounds: 4,
    mcts: {
      replies: 2,
      visits: [1, 1],
      values: [0.1, 0.2],
      winner: 1,
      why: 'its dialogues are rated highest on average',
    },
  });
});

test.each([
  ['mcts_simulations', 0],
  ['mcts_simulations', 65],
  ['mcts_exploration', -1],
  ['mcts_exploration', 11],
  ['mcts_depth', 9],
  ['mcts_depth', 1.5],
  ['mcts_branching', 1],
  ['mcts_branching', 9],
])('refuses %s %s, naming the field', async (option, value) => {
  await expect(ask({ script: {}, request: { optigate: { mcts: { [option]: value } } } })).rejects.toMatchObject({
    status: 400,
    param: `optigate.mcts.${option}`,
  });
});
