import { describe, expect, test } from 'vitest';
import { Capabilities } from '../../../core/approach/capabilities.ts';
import { contentText } from '../../../core/index.ts';
import bon from '../../../plugins/approaches/bon/index.ts';
import { runApproach, USAGE, type RunOptions } from '../../support/scripted-handler.ts';

const ask = (options: RunOptions) => runApproach('bon', { plugins: [bon], ...options });
const scores = (...values: readonly (number | string)[]) => values.map((value) => `It is fine.\nScore: ${value}`);

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
    expect((await ask({ script: { candidate: ['A', 'B', 'C'], judge } })).text).toBe('C');
  });

  test('three empty candidates are an error', async () => {
    await expect(ask({ script: { candidate: ['', ' ', '<think>hm'] } })).rejects.toMatchObject({
      status: 502,
      code: 'upstream_error',
    });
  });

  test('a refusal of the candidates is the answer, as the upstream wrote it', async () => {
    const error = { message: 'no such model', code: 'model_not_found', param: null };
    const run = await ask({ script: { candidate: () => ({ status: 401, error }) } });
    expect(run.reply.status).toBe(401);
    expect(run.completion).toMatchObject({ error });
    expect(run.calls.length).toBe(1);
  });

  test('an exhausted budget ends it with the best so far', async () => {
    const request = { optigate: { max_calls: 2 } };
    const run = await ask({ script: { candidate: ['A', 'B', 'C'], judge: scores(3, 9, 5) }, request });
    expect([run.text, run.calls.length]).toEqual(['A', 2]);
    expect(run.exchange.headers.get('x-optigate-degraded')).toBe('budget_exhausted');
  });
});

describe('an upstream without n', () => {
  test.each([
    { n: 'rejects', first: [7, 3] },
    { n: 'ignores', first: [6, 3] },
  ] as const)('that $n it costs one round once', async ({ n, first }) => {
    const capabilities = new Capabilities();
    const script = {
      candidate: (_: unknown, index: number) => 'ABC'[index % 3]!,
      judge: (_: unknown, index: number) => `Score: ${(index % 3) + 1}`,
    };
    const run = await ask({ script, n, capabilities });
    expect([run.text, run.calls.length, run.rounds]).toEqual(['C', ...first]);
    const again = await ask({ script, n, capabilities });
    expect([again.text, again.calls.length, again.rounds]).toEqual(['C', 6, 2]);
  });

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

describe('ways of judging', () => {
  test('pairwise compares every pair in both orders', async () => {
    const judge = ({ messages }: { messages: readonly { content?: unknown }[] }) => {
      const shown = /<answer number="1">\s*(\w)/.exec(String(messages[1]?.content))?.[1];
      return `Choice: ${shown === 'B' ? 1 : 2}`;
    };
    const request = { optigate: { bon: { bon_rating: 'pairwise' } } };
    const run = await ask({ script: { candidate: ['A', 'B', 'C'], judge }, request });
    expect([run.text, run.calls.length, run.rounds]).toEqual(['B', 1 + 6, 2]);
  });

  test('listwise ranks all at once', async () => {
    const request = { best_of_n: 4, bon_rating: 'listwise' };
    const run = await ask({ script: { candidate: ['A', 'B', 'C', 'D'], judge: ['Ranking: 4 > 2 > 1 > 3'] }, request });
    expect([run.text, run.calls.length, run.rounds]).toEqual(['D', 2, 2]);
    expect(run.calls[0]?.request).not.toHaveProperty('best_of_n');
  });

  test('early stop skips them where all agree', async () => {
    const candidate = ['The answer is 4', 'answer: 4.0', String.raw`\boxed{4}`];
    const run = await ask({ script: { candidate }, request: { bon_early_stop: true } });
    expect([run.text, run.calls.length, run.rounds]).toEqual([candidate[0], 1, 1]);
  });
});

describe('n', () => {
  test('runs the whole thing so often at once', async () => {
    const script = {
      candidate: (_: unknown, index: number) => `${'ABC'[index % 3]}`,
      judge: (_: unknown, index: number) => `Score: ${index % 3}`,
    };
    const run = await ask({ script, request: { n: 2 } });
    expect(run.completion.choices.map(({ index }) => index)).toEqual([0, 1]);
    expect([run.calls.length, run.rounds]).toEqual([8, 2]);
    expect(run.completion.usage?.total_tokens).toBe(8 * (USAGE.total_tokens ?? 0));
  });

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
  expect(said).toEqual(['Asking for 3 answers to choose from.', '3 answers are there, rating them.']);
});

test('its trace tells scores, calls and rounds', async () => {
  const run = await ask({
    script: { candidate: ['A', 'B', 'C'], judge: scores(3, 9, 5) },
    request: { optigate: { trace: true } },
  });
  expect(run.completion['optigate']).toMatchObject({
    approach: 'bon',
    rounds: 2,
    bon: { candidates: 3, scores: [3, 9, 5] },
  });
});

test.each([0, 33, 2.5, 'x'])('refuses best_of_n %s, naming the field', async (best_of_n) => {
  await expect(ask({ script: {}, request: { optigate: { bon: { best_of_n } } } })).rejects.toMatchObject({
    status: 400,
    param: 'optigate.bon.best_of_n',
  });
});
