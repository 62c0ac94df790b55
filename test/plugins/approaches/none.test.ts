import { describe, expect, test } from 'vitest';
import { Capabilities } from '../../../core/approach/capabilities.ts';
import none from '../../../plugins/approaches/none.ts';
import { runApproach, USAGE, type RunOptions } from '../../support/scripted-handler.ts';

const ask = (options: RunOptions) => runApproach(undefined, { plugins: [none], ...options });
const script = { answer: (_: unknown, index: number) => `answer ${index}` };

test('what the upstream gets is what the client sent, digit for digit', async () => {
  const run = await ask({
    script: { answer: ['hi'] },
    request: { seed: 1, vendor: { x: [1.0] }, tools: [], response_format: null },
  });
  expect(run.plan.request).toBe(run.exchange.request);
  expect(run.calls[0]?.bytes).toBe(run.exchange.request.bytes.toString());
  expect(run.reply.headers).toContain('x-upstream');
  expect(run.completion.id).toBe('chatcmpl-upstream');
});

test.each([400, 401, 404, 429, 500])('an upstream’s %i passes as it is', async (status) => {
  const run = await ask({ script: { answer: [{ status, error: { message: 'no', code: 'x', param: null } }] } });
  expect([run.reply.status, run.completion]).toMatchObject([status, { error: { message: 'no', code: 'x' } }]);
  expect(run.calls.length).toBe(1);
});

describe('n', () => {
  test('goes upstream where it is honoured', async () => {
    const run = await ask({ script, request: { n: 3 } });
    expect([run.calls.length, run.completion.choices.length, run.completion.id]).toEqual([1, 3, 'chatcmpl-upstream']);
  });

  test.each([
    { n: 'ignores', first: [3, 2] },
    { n: 'rejects', first: [4, 2] },
  ] as const)('is fanned out where it is not ($n), at once from the second request on', async ({ n, first }) => {
    const capabilities = new Capabilities();
    const run = await ask({ script, n, capabilities, request: { n: 3 } });
    expect([run.calls.length, run.rounds]).toEqual(first);
    expect(run.completion.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(run.completion.usage?.total_tokens).toBe(3 * (USAGE.total_tokens ?? 0));
    const again = await ask({ script, n, capabilities, request: { n: 3 } });
    expect([again.calls.length, again.rounds, again.completion.choices.length]).toEqual([3, 1, 3]);
  });

  test.each(['honours', 'ignores', 'rejects'] as const)('streams by index (%s)', async (n) => {
    const capabilities = new Capabilities();
    for (let round = 0; round < 2; round++) {
      const run = await ask({
        script,
        n,
        capabilities,
        request: { n: 3, stream: true, stream_options: { include_usage: true } },
      });
      expect(
        run.completion.choices.map(({ index, message, finish_reason }) => [index, message.content, finish_reason]),
      ).toEqual([
        [0, 'answer 0', 'stop'],
        [1, 'answer 1', 'stop'],
        [2, 'answer 2', 'stop'],
      ]);
      expect(new Set(run.chunks.map(({ id }) => id)).size).toBe(1);
      expect(run.chunks.filter(({ usage }) => usage).length).toBe(1);
    }
  });

  test('a 400 that names another field of the client’s is the answer at once', async () => {
    const run = await ask({ script, refuses: ['logit_bias'], request: { n: 3, logit_bias: { 1: 1 } } });
    expect([run.reply.status, run.calls.length]).toEqual([400, 1]);
  });

  test('a request that is wrong without n, too, gets the first refusal and teaches nothing', async () => {
    const capabilities = new Capabilities();
    const wrong = {
      answer: () => ({
        status: 400,
        error: { message: 'context too long', code: 'context_length_exceeded', param: 'messages' },
      }),
    };
    expect((await ask({ script: wrong, capabilities, request: { n: 2 } })).reply.status).toBe(400);
    expect((await ask({ script, capabilities, request: { n: 2 } })).calls.length).toBe(1);
  });
});

test('a trace can be had of a plain call, too', async () => {
  const run = await ask({ script, request: { optigate: { trace: true } } });
  expect(run.completion['optigate']).toMatchObject({
    approach: 'none',
    rounds: 1,
    trace: { steps: [{ role: 'answer' }] },
  });
  const streamed = await ask({ script, request: { stream: true, optigate: { trace: true } } });
  expect(streamed.chunks.at(-1)?.['optigate']).toMatchObject({ approach: 'none' });
});
