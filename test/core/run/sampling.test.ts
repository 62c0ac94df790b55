import { describe, expect, test } from 'vitest';
import { Capabilities } from '../../../core/run/capabilities.ts';
import { definePlugin, z } from '../../../core/index.ts';
import { noneUsable, topChoices, type Answer, type SampleOptions } from '../../../core/approach/index.ts';
import { runApproach, type RunOptions, type Scripted } from '../../support/scripted-handler.ts';

/** Samples four times and shows what came. */
async function sample(answers: readonly Scripted[], given: Partial<RunOptions> = {}, options: SampleOptions = {}) {
  const sampler = definePlugin({
    name: 'sampler',
    description: 'Samples four times.',
    options: z.strictObject({}),
    apply({ approaches }) {
      approaches.add('sampler', {
        kind: 'answerer',
        async run(call, next) {
          const samples = await next.sample(call.with({}, { role: 'candidate' }), 4, options);
          return samples.length === 0 ? noneUsable(samples, call) : topChoices(samples, [], samples.length);
        },
      });
    },
  });
  const run = await runApproach('sampler', { plugins: [sampler], script: { candidate: answers }, ...given });
  const texts = run.reply.status < 400 ? run.completion.choices.map(({ message }) => message.content) : [];
  return { run, texts };
}

const refusing = (status: number) => ({ candidate: () => ({ status }) });

describe('a model that ignores n', () => {
  test('is asked for the rest, with seeds of their own', async () => {
    const { run, texts } = await sample(['a', 'b', 'c', 'd'], { n: 'ignores', request: { seed: 1 } });
    expect(texts).toEqual(['a', 'b', 'c', 'd']);
    expect(run.calls.map(({ request }) => [request.n, request.seed])).toEqual([
      [4, 1],
      [undefined, 2],
      [undefined, 3],
      [undefined, 4],
    ]);
  });

  test('keeps the samples that came where the rest fails, and says where a budget ended it', async () => {
    const down = await sample(['a', { status: 500 }, { status: 500 }, { status: 500 }], { n: 'ignores' });
    expect([down.texts, down.run.exchange.isPartial]).toEqual([['a'], true]);
    const request = { optigate: { max_calls: 2 } };
    const poor = await sample(['a', 'b'], { n: 'ignores', request });
    expect(poor.texts).toEqual(['a', 'b']);
    expect(poor.run.exchange.headers.get('x-optigate-degraded')).toBe('budget');
  });

  test('is not asked for the rest where the first samples suffice', async () => {
    const spared: number[] = [];
    const options = {
      until: (answers: readonly Answer[]) => answers.length > 0,
      onAbort: (n: number) => spared.push(n),
    };
    const { run, texts } = await sample(['a'], { n: 'ignores' }, options);
    expect([texts, run.calls.length, spared]).toEqual([['a'], 1, [3]]);
  });

  test('counts the first samples when it looks whether the rest is needed', async () => {
    const spared: number[] = [];
    const options = {
      until: (answers: readonly Answer[]) => answers.length > 1,
      onAbort: (n: number) => spared.push(n),
    };
    const slow = { text: 'x', waves: 5 };
    const { texts } = await sample(['a', slow, 'c', slow], { n: 'ignores' }, options);
    expect([texts, spared]).toEqual([['a', 'c'], [2]]);
  });
});

describe('a refusal', () => {
  test.each([400, 404, 422])(
    'with %i may mean n: calls side by side are tried, and remembered where they work',
    async (status) => {
      const capabilities = new Capabilities();
      const script = { candidate: ({ n }: { n?: number | null }) => (n ? { status } : 'a') };
      const first = await sample([], { script, capabilities });
      const second = await sample([], { script, capabilities });
      expect([first.run.calls.length, first.run.rounds, second.run.calls.length]).toEqual([5, 2, 4]);
    },
  );

  test('that comes without n, too, teaches nothing', async () => {
    const capabilities = new Capabilities();
    const wrong = await sample([], { script: refusing(400), capabilities });
    expect([wrong.run.reply.status, wrong.run.calls.length]).toEqual([400, 5]);
    expect((await sample(['a', 'b', 'c', 'd'], { capabilities })).run.calls.length).toBe(1);
  });

  test.each([401, 429, 500, 503])('with %i says nothing about n', async (status) => {
    const { run } = await sample([], { script: refusing(status) });
    expect([run.reply.status, run.calls.length]).toEqual([status, 1]);
  });
});
