import { describe, expect, test } from 'vitest';
import { BudgetExhausted, definePlugin, gatewayError } from '../../../core/index.ts';
import bon from '../../../plugins/approaches/bon/index.ts';
import moa from '../../../plugins/approaches/moa/index.ts';
import none from '../../../plugins/approaches/none.ts';
import re2 from '../../../plugins/approaches/re2.ts';
import { runApproach, USAGE, type RunOptions } from '../../support/scripted-handler.ts';

/** One plain candidate of its own role, so that scripts tell branches apart. */
const solo = (name: string) =>
  definePlugin({
    name,
    description: 'One call.',
    apply: ({ approaches }) =>
      approaches.add(name, { kind: 'answerer', run: (call, next) => next(call.with({}, { role: name })) }),
  });
const shout = definePlugin({
  name: 'shout',
  description: 'Asks twice as a transformer of the whole.',
  apply: ({ approaches }) =>
    approaches.add('shout', { kind: 'transformer', run: async (call, next) => (await next.sample(call, 2))[1]!.reply }),
});

const PLUGINS = [none, re2, bon, moa, shout, solo('a'), solo('b'), solo('c')];
const ask = (approach: string, script: RunOptions['script'], options: Partial<RunOptions> = {}) =>
  runApproach(approach, { plugins: PLUGINS, script, ...options });
const shown = (run: Awaited<ReturnType<typeof ask>>) =>
  run.completion.choices.map(({ index, message, ...rest }) => [
    index,
    message.content,
    (rest['optigate'] as { approach: string }).approach,
  ]);

describe('a|b', () => {
  test('runs both at once, one choice each in the written order, each with its branch', async () => {
    const run = await ask('b|none|a', {
      a: [{ text: 'A', waves: 1 }],
      b: [{ text: 'B', waves: 3 }],
      answer: ['plain'],
    });
    expect(shown(run)).toEqual([
      [0, 'B', 'b'],
      [1, 'plain', 'none'],
      [2, 'A', 'a'],
    ]);
    expect(run.completion.usage?.total_tokens).toBe(3 * (USAGE.total_tokens ?? 0));
    expect(run.completion.id).toBe(run.plan.stamp?.id);
  });

  test('leaves a failed branch out', async () => {
    const run = await ask('a|b|c', { a: [{ status: 500 }], b: ['B'], c: ['C'] });
    expect([run.reply.status, shown(run)]).toEqual([
      200,
      [
        [0, 'B', 'b'],
        [1, 'C', 'c'],
      ],
    ]);
    expect(run.exchange.headers.get('x-optigate-degraded')).toBe('branch_failed');
  });

  test('fails with the first as written where all fail', async () => {
    for (const stream of [false, true]) {
      const run = await ask('a|b', { a: [{ status: 500, waves: 3 }], b: [{ status: 401 }] }, { request: { stream } });
      expect([run.reply.status, run.reply.kind]).toEqual([500, 'complete']);
    }
  });

  test('binds weaker than &', async () => {
    const run = await ask('re2&a|b', { a: ['A'], b: ['B'] });
    expect(shown(run)).toEqual([
      [0, 'A', 're2&a'],
      [1, 'B', 'b'],
    ]);
    expect(JSON.stringify(run.calls.map(({ request }) => request.messages)).match(/Read the question again/g)).toBe(
      null,
    );
  });

  test('streams by index, under one id, with one usage chunk', async () => {
    const script = {
      a: [{ text: 'slow A', waves: 3 }],
      b: ['quick B'],
      candidate: ['x', 'y', 'z'],
      judge: ['Score: 1', 'Score: 9', 'Score: 2'],
    };
    const run = await ask('a|b|bon', script, { request: { stream: true, stream_options: { include_usage: true } } });
    expect(run.completion.choices.map(({ index, message }) => [index, message.content])).toEqual([
      [0, 'slow A'],
      [1, 'quick B'],
      [2, 'y'],
    ]);
    expect(run.chunks[0]?.choices[0]?.index).toBe(0);
    expect(new Set(run.chunks.map(({ id, created, model }) => `${id} ${created} ${model}`)).size).toBe(1);
    expect(run.chunks.filter(({ usage }) => usage).length).toBe(1);
    expect(run.chunks.at(-1)?.usage?.total_tokens).toBe(6 * (USAGE.total_tokens ?? 0));
    expect(run.chunks.filter(({ choices }) => choices.some((choice) => choice['optigate'] !== undefined)).length).toBe(
      3,
    );
  });

  test('a stream leaves out a branch that fails before it begins', async () => {
    const run = await ask('a|b', { a: [{ status: 500 }], b: ['B'] }, { request: { stream: true } });
    expect(run.completion.choices.map(({ index, message }) => [index, message.content])).toEqual([[0, 'B']]);
  });

  test('with n gives each branch so often', async () => {
    const run = await ask('a|b', { a: ['A1', 'A2'], b: ['B1', 'B2'] }, { request: { n: 2 } });
    expect([run.completion.choices.map(({ message }) => message.content), run.rounds]).toEqual([
      ['A1', 'B1', 'A2', 'B2'],
      1,
    ]);
  });
});

describe('a&b', () => {
  test('hands an answer on as a draft beside the conversation', async () => {
    const script = {
      draft: ['x', 'y', 'z'],
      critique: ['Best: 1'],
      synthesis: ['first answer'],
      candidate: ['A', 'B', 'C'],
      judge: ['Score: 1', 'Score: 9', 'Score: 2'],
    };
    const run = await ask('moa&bon', script);
    expect([run.text, run.calls.length, run.rounds]).toEqual(['B', 7, 5]);
    const prompt = run.calls.find(({ role }) => role === 'candidate')?.request.messages;
    expect(JSON.stringify(prompt)).toContain('first answer');
    expect(prompt?.at(-1)?.content).toBe('What is six times seven?');
  });

  test('re2&moa doubles the question for the drafts alone', async () => {
    const run = await ask('re2&moa', { draft: ['x', 'y', 'z'], critique: ['Best: 1'], synthesis: ['ok'] });
    const doubled = run.calls.map(({ request }) =>
      JSON.stringify(request.messages).includes('Read the question again'),
    );
    expect([doubled, run.rounds]).toEqual([[true, false, false], 3]);
  });

  test('only the last one streams', async () => {
    const run = await ask('a&b', { a: ['A'], b: ['B'] }, { request: { stream: true } });
    expect([run.text, run.calls.map(({ request }) => request.stream ?? false)]).toEqual(['B', [false, true]]);
  });

  test('the draft is the answer where the next one fails', async () => {
    expect((await ask('a&b', { a: ['A'], b: [{ status: 500 }] })).text).toBe('A');
  });

  test('a transformer’s samples are runs of what follows', async () => {
    const script = {
      candidate: ['A', 'B', 'C', 'D', 'E', 'F'],
      judge: ['9', '1', '1', '1', '9', '1'].map((score) => `Score: ${score}`),
    };
    const run = await ask('shout&bon', script);
    expect([run.text, run.rounds, run.calls.length]).toEqual(['E', 2, 8]);
  });

  test('a transformer at the end wraps a plain call', async () => {
    const run = await ask('a&re2', { a: ['A'], answer: ['better'] });
    expect([run.text, run.calls[1]?.request.messages.at(-1)?.content]).toEqual([
      'better',
      expect.stringContaining('Read the question again'),
    ]);
  });
});

describe('limits', () => {
  test('a budget without an answer is an error', async () => {
    const run = ask('bon', { candidate: () => ({ throws: new BudgetExhausted('maxCalls') }) });
    await expect(run).rejects.toMatchObject({ status: 429, code: 'budget_exhausted' });
  });

  test('a deadline ends an approach with the best so far', async () => {
    const script = { candidate: ['A', 'B', 'C'], judge: () => ({ hangs: true }) };
    const run = await ask('bon', script, { request: { optigate: { deadline: 30 } } });
    expect(run.text).toBe('A');
  });

  test('a deadline without an answer is a 504', async () => {
    const run = ask('none', { answer: [{ hangs: true }] }, { request: { optigate: { deadline: '20ms' } } });
    await expect(run).rejects.toMatchObject({ status: 504, code: 'deadline_exceeded' });
  });

  test('a client that leaves ends every call, with no answer in its place', async () => {
    const client = new AbortController();
    const gone = gatewayError('client_closed');
    const run = ask(
      'bon',
      { candidate: ['A', 'B', 'C'], judge: () => ({ hangs: true }) },
      { signal: client.signal, progress: (text) => text.includes('rating') && setTimeout(() => client.abort(gone), 5) },
    );
    await expect(run).rejects.toBe(gone);
  });
});

test('usage, id and time of an answer of several calls are its own', async () => {
  const run = await ask('a', { a: ['A'] });
  expect(run.completion).toMatchObject({ id: run.plan.stamp?.id, model: 'test-model-2026', usage: USAGE });
  expect(run.completion.created).toBeGreaterThan(1_000_000_000);
});

test('an approach’s own mistake names its plugin', async () => {
  const broken = definePlugin({
    name: 'broken',
    description: 'Throws.',
    apply: ({ approaches }) =>
      approaches.add('broken', { kind: 'answerer', run: () => Promise.reject(new TypeError('x')) }),
  });
  const run = runApproach('broken', { plugins: [broken], script: {} });
  await expect(run).rejects.toMatchObject({
    status: 500,
    code: 'plugin_error',
    message: expect.stringContaining("'broken'"),
  });
});
