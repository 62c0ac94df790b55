import { describe, expect, test } from 'vitest';
import { definePlugin } from '../../../core/index.ts';
import none from '../../../plugins/approaches/none.ts';
import { runApproach, USAGE, type RunOptions } from '../../support/scripted-handler.ts';

const solo = (name: string) =>
  definePlugin({
    name,
    description: 'One call.',
    apply: ({ approaches }) =>
      approaches.add(name, { kind: 'answerer', run: (call, next) => next(call.with({}, { role: name })) }),
  });
const PLUGINS = [none, solo('a'), solo('b'), solo('c')];
const FINALS = {
  a: ['Seven sixes make 42. The answer is 42.'],
  b: ['I believe the answer is 41.'],
  c: ['So: the answer is 42'],
};

const ask = (reduce: string, script: RunOptions['script'], request: object = {}, optigate: object = {}) =>
  runApproach('b|a|c', {
    plugins: PLUGINS,
    script,
    request: { ...request, optigate: { reduce, ...optigate } },
  });
const finding = ({ completion }: Awaited<ReturnType<typeof ask>>) =>
  (completion['optigate'] as { reduce: object } | undefined)?.reduce;

test('reduce: all is one choice per branch', async () => {
  expect((await ask('all', FINALS)).completion.choices).toHaveLength(3);
});

describe('reduce: vote', () => {
  test('gives the answer that most branches come to, by the first of them, and no call more', async () => {
    const run = await ask('vote', FINALS, {}, { trace: true });
    expect([run.text, run.completion.choices.length, run.calls.length, run.rounds]).toEqual([FINALS.a[0], 1, 3, 1]);
    expect(run.completion.choices[0]).toMatchObject({ index: 0, optigate: { approach: 'a' } });
    expect(run.completion.usage?.total_tokens).toBe(3 * (USAGE.total_tokens ?? 0));
    expect(finding(run)).toEqual({
      by: 'vote',
      votes: [
        { approaches: ['a', 'c'], votes: 2 },
        { approaches: ['b'], votes: 1 },
      ],
      winner: 'a',
    });
  });

  test('counts free texts that are equal, else takes the first', async () => {
    expect((await ask('vote', { a: ['Red'], b: ['Blue'], c: [' red '] })).text).toBe('Red');
    expect((await ask('vote', { a: ['Red'], b: ['Blue'], c: ['Green'] })).text).toBe('Blue');
  });

  test('leaves failed branches and empty answers out', async () => {
    const run = await ask('vote', { a: [''], b: [{ status: 500 }], c: ['C'] });
    expect([run.text, run.exchange.headers.get('x-optigate-degraded')]).toEqual(['C', 'branch_failed']);
  });

  test('fails with the first as written where all fail', async () => {
    const run = await ask('vote', { a: [{ status: 500 }], b: [{ status: 404 }], c: [{ status: 500 }] });
    expect(run.reply.status).toBe(404);
  });

  test('streams the one choice', async () => {
    const run = await ask('vote', FINALS, { stream: true, stream_options: { include_usage: true } });
    expect([run.reply.kind, run.text]).toEqual(['stream', FINALS.a[0]]);
    expect(run.chunks.flatMap(({ choices }) => choices.map(({ index }) => index))).not.toContain(1);
    expect(run.chunks.at(-1)?.usage?.total_tokens).toBe(3 * (USAGE.total_tokens ?? 0));
  });

  test('with n reduces each of n runs', async () => {
    const twice = { a: ['1. The answer is 1', 'The answer is 1'], b: ['The answer is 2', 'The answer is 2'] };
    const run = await ask('vote', { ...twice, c: ['The answer is 2', 'The answer is 1'] }, { n: 2 });
    expect([run.completion.choices.map(({ index }) => index), run.calls.length, run.rounds]).toEqual([[0, 1], 6, 1]);
  });
});

describe('reduce: judge', () => {
  const PROSE = { a: ['Red'], b: ['Blue'], c: ['Green'] };

  test('asks once which answer is best', async () => {
    const run = await ask('judge', { ...PROSE, judge: ['Green is clearest.\nChoice: 3'] }, { tools: [{}] });
    expect([run.text, run.calls.length, run.rounds]).toEqual(['Green', 4, 2]);
    const { request } = run.calls[3]!;
    expect(request).not.toHaveProperty('tools');
    const prompt = JSON.stringify(request.messages);
    expect(['Blue', 'Red', 'Green'].map((text) => prompt.split(`>\\n${text}\\n<`).length - 1)).toEqual([1, 1, 1]);
  });

  test('needs no call where all agree, or one is left', async () => {
    expect((await ask('judge', { a: ['Red'], b: ['red'], c: ['Red.'] })).calls).toHaveLength(3);
    expect((await ask('judge', { a: ['Red'], b: [''], c: [{ status: 500 }] })).text).toBe('Red');
  });

  test.each([{ status: 500 }, 'I cannot tell'])('votes where the judge tells nothing (%o)', async (judge) => {
    const run = await ask('judge', { ...FINALS, judge: [judge] });
    expect([run.text, run.exchange.headers.get('x-optigate-degraded')]).toEqual([FINALS.a[0], 'judges_failed']);
  });

  test('votes where the budget has no call left for it', async () => {
    const run = await ask('judge', FINALS, {}, { max_calls: 3 });
    expect([run.text, run.calls.length]).toEqual([FINALS.a[0], 3]);
    expect(run.exchange.headers.get('x-optigate-degraded')).toBe('budget');
  });
});
