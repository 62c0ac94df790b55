/** bon: which candidate wins, and what becomes of calls that fail. */
import { describe, expect, test } from 'vitest';
import { contentText } from '../../../core/approach/index.ts';
import type { Scripted } from '../../support/scripted-handler.ts';
import { ask, withoutN, scores } from './bon-run.ts';

describe('the winner', () => {
  test('is the best rated candidate, after 4 calls in 2 rounds', async () => {
    const run = await ask({ script: { candidate: ['A', 'B', 'C'], judge: scores(3, 9, 5) } });
    expect(run.text).toBe('B');
    expect([run.calls.length, run.rounds]).toEqual([2 + 2, 2]);
    expect(run.calls[0]?.request.n).toBe(3);
  });

  test('is found in whatever form the ratings come', async () => {
    const run = await ask({
      script: { candidate: ['A', 'B', 'C'], judge: ['7/10', '**Score:** 9', '<think>well, 10</think> 4'] },
    });
    expect(run.text).toBe('B');
  });

  test('is the first of equals', async () => {
    expect((await ask({ script: { candidate: ['A', 'B', 'C'], judge: scores(8, 8, 2) } })).text).toBe('A');
  });

  test('is the one with more that agree, before the first of equals', async () => {
    const candidate = ['The answer is 17', 'The answer is 42', 'Hence the answer is 42.'];
    expect((await ask({ script: { candidate, judge: scores(8, 8, 8) } })).text).toBe(candidate[1]);
  });

  test('is the plurality where no rating can be read', async () => {
    const candidate = ['answer: 42', 'answer: 17', 'The answer is 42.'];
    const run = await ask({ script: { candidate, judge: ['good', 'bad', 'no idea'] } });
    expect([run.text, run.calls.length, run.rounds]).toEqual(['answer: 42', 4, 2]);
  });

  test('is never a truncated one while there is a complete one', async () => {
    const candidate = [{ text: 'A', finish: 'length' }, 'B', 'C'];
    const run = await ask({ script: { candidate, judge: scores(3, 4) } });
    expect([run.text, run.calls.length, run.rounds]).toEqual(['C', 3, 2]);
  });

  test('needs no judge where it is the only usable one', async () => {
    const run = await ask({ script: { candidate: [{ text: '' }, 'B', { text: 'x', finish: 'content_filter' }] } });
    expect([run.text, run.calls.length]).toEqual(['B', 1]);
  });

  test('may be a tool call, shown as it came', async () => {
    const toolCalls = [{ id: 'call_1', type: 'function', function: { name: 'add', arguments: '{"a":1}' } }];
    const run = await ask({
      script: { candidate: ['A', { toolCalls }, 'C'], judge: scores(1, 9, 1) },
      request: { tools: [{ type: 'function' }] },
    });
    expect(run.completion.choices[0]).toMatchObject({
      index: 0,
      finish_reason: 'tool_calls',
      message: { tool_calls: toolCalls },
    });
  });
});

describe('failures', () => {
  test('a judge that fails costs its candidate the rating, nothing more', async () => {
    const judge = [{ status: 500 }, ...scores(4, 6)];
    const run = await ask({ script: { candidate: ['A', 'B', 'C'], judge } });
    expect(run.text).toBe('C');
    expect(run.exchange.headers.get('x-optigate-degraded')).toBeUndefined();
  });

  test.each([
    { status: 500, isPartial: true },
    { status: 429, isPartial: true },
    { status: 404, isPartial: undefined },
  ])('a judge lost to a $status: is the answer worth less than another try?', async ({ status, isPartial }) => {
    const run = await ask({ script: { candidate: ['A', 'B', 'C'], judge: [...scores(4, 6), { status }] } });
    expect([run.text, run.exchange.isPartial]).toEqual(['B', isPartial]);
  });

  test('when all judges fail the client is told', async () => {
    const run = await ask({ script: { candidate: ['A', 'B', 'C'], judge: () => ({ status: 503 }) } });
    expect([run.text, run.exchange.isPartial]).toEqual(['A', true]);
    expect(run.exchange.headers.get('x-optigate-degraded')).toBe('judges_failed');
  });

  test('when no judge can be read the client is told', async () => {
    const run = await ask({ script: { candidate: ['A', 'B', 'C'], judge: () => 'hm' } });
    expect([run.text, run.exchange.isPartial]).toEqual(['A', undefined]);
    expect(run.exchange.headers.get('x-optigate-degraded')).toBe('judges_failed');
  });

  test('a filtered candidate is the answer where no other came', async () => {
    const filtered = { text: 'x', finish: 'content_filter' };
    const run = await ask({ script: { candidate: ['', filtered, ''] } });
    expect(run.completion.choices).toMatchObject([{ index: 0, finish_reason: 'content_filter' }]);
  });

  test('a model that refuses is shown refusing', async () => {
    const refusing = { extra: { message: { role: 'assistant', content: null, refusal: 'I may not.' } } };
    const run = await ask({ script: { candidate: [refusing, refusing, refusing] } });
    expect(run.completion.choices[0]?.message.refusal).toBe('I may not.');
  });

  test('truncated candidates are rated where none is complete, and stay marked', async () => {
    const cut = (text: string) => ({ text, finish: 'length' });
    const run = await ask({ script: { candidate: [cut('A'), cut('B'), cut('C')], judge: scores(1, 7, 3) } });
    expect(run.completion.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: 'B' } });
  });

  test('single candidates that fail cost nothing but themselves', async () => {
    const capabilities = await withoutN();
    const candidate: Scripted[] = [{ status: 500 }, 'B', 'C'];
    const run = await ask({ script: { candidate, judge: scores(3, 8) }, capabilities });
    expect([run.text, run.calls.length, run.rounds, run.exchange.isPartial]).toEqual(['C', 5, 2, true]);
    const all = await ask({ script: { candidate: () => ({ status: 429 }) }, capabilities });
    expect([all.reply.status, all.calls.length]).toEqual([429, 3]);
  });

  test('three empty candidates are an error', async () => {
    await expect(ask({ script: { candidate: ['', ' ', '<think>hm'] } })).rejects.toMatchObject({
      status: 502,
      code: 'upstream_error',
    });
  });

  test('an exhausted budget ends it with the best so far', async () => {
    const request = { optigate: { max_calls: 2 } };
    const run = await ask({ script: { candidate: ['A', 'B', 'C'], judge: scores(3, 9, 5) }, request });
    expect([run.text, run.calls.length]).toEqual(['A', 2]);
    expect(run.exchange.headers.get('x-optigate-degraded')).toBe('budget');
  });
});

describe('an upstream without n', () => {
  test('gives each sample a seed of its own', async () => {
    const script = { candidate: ['A', 'B', 'C', 'D'], judge: scores(1, 2, 3) };
    const run = await ask({ script, n: 'ignores', request: { seed: 7 } });
    expect(run.calls.filter(({ role }) => role === 'candidate').map(({ request }) => request.seed)).toEqual([7, 8, 9]);
  });
});

describe('what the upstream gets', () => {
  test('candidates get the conversation and the client’s parameters, judges their own', async () => {
    const request = {
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Why?' },
      ],
      temperature: 0.7,
      top_p: 0.9,
      stop: ['END'],
      user: 'u',
      vendor: 1,
      max_completion_tokens: 300,
      response_format: { type: 'json_object' },
    };
    const run = await ask({
      script: { candidate: ['{"a":1}', '{"a":2}', '{"a":3}'], judge: scores(1, 2, 3) },
      request,
    });
    expect(run.calls[0]?.request).toMatchObject({ ...request, n: 3 });
    const judge = run.calls[1]!.request;
    expect(judge).toMatchObject({ temperature: 0.1, max_completion_tokens: 1024, user: 'u', vendor: 1 });
    for (const field of ['top_p', 'stop', 'response_format', 'max_tokens', 'n'])
      expect(judge).not.toHaveProperty(field);
    expect(judge.messages.map(({ role }) => role)).toEqual(['system', 'user']);
    const prompt = contentText(judge.messages[1]?.content);
    for (const part of ['Be brief.', 'Why?', '{"a":1}']) expect(prompt.split(part).length).toBe(2);
    expect(prompt).not.toContain('User:');
  });

  test('a low temperature of the client’s does not make candidates equal', async () => {
    const run = await ask({
      script: { candidate: ['A', 'B', 'C'], judge: scores(1, 2, 3) },
      request: { temperature: 0 },
    });
    expect(run.calls[0]?.request.temperature).toBe(1);
  });

  test('judges of a model that reasons get room for it', async () => {
    const script = { candidate: ['<think>x</think>A', 'B', 'C'], judge: scores(1, 2, 3) };
    expect((await ask({ script })).calls[1]?.request.max_tokens).toBe(4096);
  });
});

describe('n', () => {
  test('top gives the best of one pool', async () => {
    const script = { candidate: ['A', 'B', 'C'], judge: scores(3, 9, 5) };
    const run = await ask({ script, request: { n: 2, optigate: { n: 'top' } } });
    expect(run.completion.choices.map(({ message, index }) => [index, message.content])).toEqual([
      [0, 'B'],
      [1, 'C'],
    ]);
    expect(run.calls.length).toBe(4);
  });
});

test('says what it does while it works', async () => {
  const said: string[] = [];
  await ask({ script: { candidate: ['A', 'B', 'C'], judge: scores(1, 2, 3) }, progress: (text) => said.push(text) });
  expect(said).toEqual([
    'Asking for 3 answers to choose from.',
    '3 of 3 answers are there, rating them.',
    'The best is answer 3 of 3.',
  ]);
  await ask({ script: { candidate: ['A', 'B', 'C'], judge: () => 'hm' }, progress: (text) => said.push(text) });
  expect(said.at(-1)).toBe('No rating could be read, returning answer 1 of 3.');
});

test('its trace tells scores, calls and rounds', async () => {
  const run = await ask({
    script: { candidate: ['A', 'B', 'C'], judge: scores(3, 9, 5) },
    request: { optigate: { trace: true } },
  });
  expect(run.completion['optigate']).toMatchObject({
    approach: 'bon',
    rounds: 2,
    bon: { candidates: 3, scores: [3, 9, 5], winner: 1, why: 'it is rated highest' },
  });
});

test.each([
  { candidate: ['', 'B', ''], judge: [], why: 'it is the only usable candidate' },
  { candidate: ['A', 'B', 'C'], judge: scores(2, 8, 8), why: 'of those rated highest it is the first' },
  {
    candidate: ['A', 'answer: 1', 'I say answer: 1'],
    judge: scores(8, 8, 8),
    why: 'of those rated highest it comes to the answer that most agree on',
  },
  {
    candidate: ['A', 'B', 'C'],
    judge: ['x', 'y', 'z'],
    why: 'no rating could be read, and of all candidates it is the first',
  },
])('its trace says why: $why', async ({ candidate, judge, why }) => {
  const run = await ask({ script: { candidate, judge }, request: { optigate: { trace: true } } });
  expect(run.completion['optigate']).toMatchObject({ bon: { why } });
});

test('goes on after a tool result, and the judge sees it', async () => {
  const messages = [
    { role: 'user', content: 'Add.' },
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'add', arguments: '{"a":1}' } }],
    },
    { role: 'tool', tool_call_id: 'c', content: 'it is 3' },
  ];
  const run = await ask({ script: { candidate: ['A', 'B', 'C'], judge: scores(3, 9, 5) }, request: { messages } });
  expect(run.text).toBe('B');
  expect(run.calls[0]?.request.messages).toEqual(messages);
  const prompt = contentText(run.calls[1]?.request.messages[1]?.content);
  for (const part of ['Add.', 'calls add with {"a":1}', 'it is 3']) expect(prompt.split(part).length).toBe(2);
});

test.each([0, 33, 2.5, 'x'])('refuses best_of_n %s, naming the field', async (best_of_n) => {
  await expect(ask({ script: {}, request: { optigate: { bon: { best_of_n } } } })).rejects.toMatchObject({
    status: 400,
    param: 'optigate.bon.best_of_n',
  });
});
