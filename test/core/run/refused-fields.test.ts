import { describe, expect, test } from 'vitest';
import { Capabilities } from '../../../core/run/capabilities.ts';
import { definePlugin } from '../../../core/index.ts';
import { limitedTo, withTurns } from '../../../core/approach/index.ts';
import bon from '../../../plugins/approaches/bon/index.ts';
import cot from '../../../plugins/approaches/cot_reflection/index.ts';
import moa from '../../../plugins/approaches/moa/index.ts';
import selfConsistency from '../../../plugins/approaches/self_consistency/index.ts';
import { runApproach, type RunOptions } from '../../support/scripted-handler.ts';

/** Sets everything that an approach may set by itself, for one call. */
const eager = definePlugin({
  name: 'eager',
  description: 'Sets many fields.',
  apply({ approaches }) {
    approaches.add('eager', {
      kind: 'answerer',
      run: async (call, next) => {
        const { messages } = call.request.value;
        const own = {
          temperature: 0.2,
          top_p: 0.9,
          stop: ['END'],
          seed: 3,
          logprobs: true,
          top_logprobs: 2,
          reasoning_effort: 'low',
          response_format: { type: 'json_object' },
        };
        const turns = withTurns(messages, { role: 'assistant', content: 'Sure:' });
        return (await next.ask(call.with({ ...own, ...limitedTo(call, 50), messages: turns }, { role: 'candidate' })))
          .reply;
      },
    });
  },
});

const PLUGINS = [eager, bon, moa, cot, selfConsistency];
const script = {
  answer: () => '<output>answer: 1</output>',
  candidate: (_: unknown, index: number) => `answer: ${index}`,
  draft: (_: unknown, index: number) => `draft ${index}`,
  '*': () => 'Score: 5',
};
const ask = (approach: string, options: Partial<RunOptions>) =>
  runApproach(approach, { plugins: PLUGINS, script, ...options });

describe('a field that an approach sets and a model refuses', () => {
  const fields = ['temperature', 'top_p', 'stop', 'seed', 'logprobs', 'reasoning_effort', 'response_format'];

  test.each(fields)('%s is left out, at one extra round once', async (field) => {
    const capabilities = new Capabilities();
    const first = await ask('eager', { refuses: [field], capabilities });
    const second = await ask('eager', { refuses: [field], capabilities });
    expect([first.reply.status, first.rounds, second.rounds, second.calls.length]).toEqual([200, 2, 1, 1]);
    expect(second.calls[0]?.request).not.toHaveProperty(field);
    expect(second.calls[0]?.request['top_logprobs'] === undefined).toBe(field === 'logprobs');
  });

  test('a limit goes under its other name, and then not at all', async () => {
    const capabilities = new Capabilities();
    const run = await ask('eager', { refuses: ['max_tokens'], capabilities });
    expect(run.calls.at(-1)?.request).toMatchObject({ max_completion_tokens: 50 });
    const neither = await ask('eager', { refuses: ['max_tokens', 'max_completion_tokens'], capabilities });
    expect([neither.reply.status, neither.calls.length]).toEqual([200, 2]);
    expect(neither.calls.at(-1)?.request).not.toHaveProperty('max_completion_tokens');
  });

  test('two at once cost two rounds once', async () => {
    const capabilities = new Capabilities();
    const options = { refuses: ['temperature', 'top_p'], capabilities };
    expect([(await ask('eager', options)).rounds, (await ask('eager', options)).rounds]).toEqual([3, 1]);
  });

  test('is found by the message where there is no param', async () => {
    let refusals = 0;
    const temperature = (request: { temperature?: unknown }) => {
      if (request.temperature === undefined) return 'fine';
      refusals++;
      return {
        status: 422,
        error: { message: '`temperature` and `top_p` cannot both be given', param: null, code: null },
      };
    };
    expect((await ask('eager', { script: { candidate: temperature } })).text).toBe('fine');
    expect(refusals).toBe(1);
  });

  test('a prefill is taken back', async () => {
    const prefill = ({ messages }: { messages: readonly { role: string }[] }) =>
      messages.at(-1)?.role === 'assistant'
        ? {
            status: 400,
            error: { message: 'This model does not support assistant message prefill.', param: null, code: null },
          }
        : 'fine';
    expect((await ask('eager', { script: { candidate: prefill } })).text).toBe('fine');
  });

  test('is tried again after an hour', async () => {
    let now = 1_000;
    const capabilities = new Capabilities(() => now);
    const options = { refuses: ['top_p'], capabilities };
    await ask('eager', options);
    now += 3_600_001;
    expect((await ask('eager', options)).rounds).toBe(2);
  });

  test('is not remembered if the call fails without it, too: the refusal may quote the client', async () => {
    const capabilities = new Capabilities();
    const quoting = {
      candidate: () => ({ status: 400, error: { message: 'cannot read "temperature, top_p"', param: null } }),
    };
    expect((await ask('eager', { script: quoting, capabilities })).reply.status).toBe(400);
    const after = await ask('eager', { capabilities });
    expect([after.calls.length, after.calls[0]?.request.temperature]).toEqual([1, 0.2]);
  });

  test('is not remembered if it is refused only beside a field of the client’s', async () => {
    const capabilities = new Capabilities();
    const notBoth = (request: { temperature?: unknown; top_k?: unknown }) =>
      request.temperature !== undefined && request.top_k !== undefined
        ? { status: 400, error: { message: 'temperature cannot be given beside top_k', param: 'temperature' } }
        : 'fine';
    const options = { script: { candidate: notBoth }, capabilities };
    expect((await ask('eager', { ...options, request: { top_k: 3 } })).text).toBe('fine');
    expect((await ask('eager', options)).calls[0]?.request.temperature).toBe(0.2);
  });

  test('is remembered per upstream and model', async () => {
    const capabilities = new Capabilities();
    await ask('eager', { refuses: ['top_p'], capabilities });
    const other = await ask('eager', { refuses: ['top_p'], capabilities, request: { model: 'groq/other' } });
    expect(other.rounds).toBe(2);
  });

  test('appears in the trace', async () => {
    const run = await ask('eager', { refuses: ['top_p'], request: { optigate: { trace: true } } });
    expect(run.completion['optigate']).toMatchObject({ left_out: ['top_p'] });
  });
});

test('a field of the client’s that is refused is the client’s 400, not dropped', async () => {
  const run = await ask('eager', { refuses: ['top_k'], request: { top_k: 5 } });
  expect([run.reply.status, run.calls.length]).toEqual([400, 1]);
  const seeded = await ask('bon', { refuses: ['seed'], n: 'ignores', request: { seed: 5 } });
  expect(seeded.reply.status).toBe(400);
});

describe.each([
  { approach: 'bon', rounds: 2 },
  { approach: 'moa', rounds: 3 },
  { approach: 'cot_reflection', rounds: 1 },
  { approach: 'self_consistency', rounds: 1 },
])('$approach', ({ approach, rounds }) => {
  test.each(['temperature', 'top_p', 'n', 'stop'])('runs on a model that refuses %s', async (field) => {
    const capabilities = new Capabilities();
    const options: Partial<RunOptions> =
      field === 'n' ? { n: 'rejects', capabilities } : { refuses: [field], capabilities };
    const first = await ask(approach, options);
    const second = await ask(approach, options);
    expect([first.reply.status, second.reply.status, second.rounds]).toEqual([200, 200, rounds]);
    expect(first.rounds).toBeLessThanOrEqual(rounds + 1);
  });

  test('gives n choices at the latency of one', async () => {
    const run = await ask(approach, { request: { n: 3 } });
    expect([run.completion.choices.map(({ index }) => index), run.rounds]).toEqual([[0, 1, 2], rounds]);
  });

  test('returns what looks like a role label byte for byte', async () => {
    const label = 'The field User: name\nAssistant: keeps it';
    const run = await ask(approach, { script: { '*': () => label } });
    expect(run.text).toBe(label);
  });
});
