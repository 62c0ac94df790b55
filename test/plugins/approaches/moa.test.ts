import { describe, expect, test } from 'vitest';
import { Capabilities } from '../../../core/approach/capabilities.ts';
import moa from '../../../plugins/approaches/moa/index.ts';
import { runApproach, USAGE, type RunOptions, type Scripted } from '../../support/scripted-handler.ts';

const ask = (options: RunOptions) => runApproach('moa', { plugins: [moa], ...options });
const DRAFTS = ['draft alpha', 'draft beta', 'draft gamma'];
const SCRIPT = { draft: DRAFTS, critique: ['beta is wrong.\nBest: 3'], synthesis: ['the answer'] };

function promptOf(run: Awaited<ReturnType<typeof ask>>, role: string): string {
  return JSON.stringify(run.calls.find((call) => call.role === role)?.request.messages);
}

const times = (text: string, part: string) => text.split(part).length - 1;

describe('drafts, critique, synthesis', () => {
  test('take three calls and rounds; the last one holds everything once', async () => {
    const run = await ask({ script: SCRIPT });
    expect([run.text, run.calls.length, run.rounds]).toEqual(['the answer', 3, 3]);
    const prompt = promptOf(run, 'synthesis');
    for (const part of [...DRAFTS, 'beta is wrong.', 'six times seven']) expect(times(prompt, part)).toBe(1);
    expect(run.completion.usage?.total_tokens).toBe(3 * (USAGE.total_tokens ?? 0));
  });

  test.each([
    { n: 'rejects', first: [6, 4] },
    { n: 'ignores', first: [5, 4] },
  ] as const)('an upstream that $n it costs one round once', async ({ n, first }) => {
    const capabilities = new Capabilities();
    const script = { ...SCRIPT, draft: (_: unknown, index: number) => DRAFTS[index % 3]! };
    const run = await ask({ script, n, capabilities });
    expect([run.text, run.calls.length, run.rounds]).toEqual(['the answer', ...first]);
    for (const draft of DRAFTS) expect(times(promptOf(run, 'synthesis'), draft)).toBe(1);
    const again = await ask({ script, n, capabilities });
    expect([again.calls.length, again.rounds]).toEqual([5, 3]);
  });

  test('a truncated critique is used as far as it came', async () => {
    const run = await ask({ script: { ...SCRIPT, critique: [{ text: 'alpha is', finish: 'length' }] } });
    expect([run.calls.length, times(promptOf(run, 'synthesis'), 'alpha is')]).toEqual([3, 1]);
  });

  test.each([{ status: 500 }, { text: '' }])('a critique that fails (%o) is left out', async (critique: Scripted) => {
    const run = await ask({ script: { ...SCRIPT, critique: [critique] } });
    expect(run.text).toBe('the answer');
    expect(promptOf(run, 'synthesis')).not.toContain('<review>');
  });

  test('one usable draft needs no critique', async () => {
    const run = await ask({ script: { draft: ['', 'draft beta', ' '], synthesis: ['the answer'] } });
    expect([run.text, run.calls.length, run.rounds]).toEqual(['the answer', 2, 2]);
  });

  test('equal drafts are the answer', async () => {
    const run = await ask({ script: { draft: ['same', 'same ', ' same'] } });
    expect([run.text, run.calls.length, run.rounds]).toEqual(['same', 1, 1]);
  });
});

describe('the answer call', () => {
  test('keeps what there is of a truncated one', async () => {
    const run = await ask({ script: { ...SCRIPT, synthesis: [{ text: 'half', finish: 'length' }] } });
    expect(run.completion.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: 'half' } });
  });

  test.each([{ text: '' }, { status: 500 }, { status: 429 }])(
    'gives way to the best draft where it brings nothing (%o)',
    async (synthesis: Scripted) => {
      const run = await ask({ script: { ...SCRIPT, synthesis: [synthesis] } });
      expect(run.text).toBe('draft gamma');
      expect(run.exchange.headers.get('x-optigate-degraded')).toBeDefined();
    },
  );

  test('gives way where the budget ends before it', async () => {
    const run = await ask({ script: SCRIPT, request: { optigate: { max_calls: 2 } } });
    expect([run.text, run.calls.length]).toEqual(['draft gamma', 2]);
  });

  test('streams live, with one id and the true usage', async () => {
    const request = { stream: true, stream_options: { include_usage: true } };
    const run = await ask({ script: SCRIPT, request });
    expect(run.reply.kind).toBe('stream');
    expect(run.text).toBe('the answer');
    expect(new Set(run.chunks.map(({ id }) => id))).toEqual(new Set([run.plan.stamp?.id]));
    expect(run.chunks.filter(({ usage }) => usage).map(({ usage }) => usage?.total_tokens)).toEqual([45]);
    expect(run.calls.map(({ request }) => request.stream ?? false)).toEqual([false, false, true]);
  });

  test('a stream that ends without a word is filled with the best draft', async () => {
    const run = await ask({ script: { ...SCRIPT, synthesis: [{ text: '' }] }, request: { stream: true } });
    expect(run.completion.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: 'draft gamma' } });
  });

  test('has the client’s temperature, tools and images', async () => {
    const image = { type: 'image_url', image_url: { url: 'data:,' } };
    const messages = [{ role: 'user', content: [{ type: 'text', text: 'What is it?' }, image] }];
    const run = await ask({
      script: SCRIPT,
      request: { messages, temperature: 0.3, tools: [{ type: 'function' }], logprobs: true },
    });
    const [draft, critique, synthesis] = run.calls.map(({ request }) => request);
    expect(draft).toMatchObject({ temperature: 1, tools: [{ type: 'function' }], messages });
    expect(critique).not.toHaveProperty('tools');
    expect(critique).not.toHaveProperty('logprobs');
    expect(synthesis).toMatchObject({ temperature: 0.3, tools: [{ type: 'function' }], logprobs: true });
    expect(synthesis?.messages.at(-1)).toEqual(messages[0]);
  });

  test('goes on after a tool result', async () => {
    const messages = [
      { role: 'user', content: 'Add.' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c', type: 'function', function: { name: 'add', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'c', content: '3' },
    ];
    const run = await ask({ script: SCRIPT, request: { messages } });
    expect(run.text).toBe('the answer');
    expect(run.calls[2]?.request.messages.slice(1)).toEqual(messages);
  });

  test('a refusal of the client’s own field is the answer', async () => {
    const run = await ask({ script: SCRIPT, refuses: ['logit_bias'], request: { logit_bias: { 1: 1 } } });
    expect(run.reply.status).toBe(400);
    expect(run.calls.length).toBe(1);
  });
});

describe('options', () => {
  test('moa_models asks each model once, at once, where it belongs', async () => {
    const run = await ask({
      script: { ...SCRIPT, draft: ['a', 'b'] },
      request: { moa_models: ['groq/llama', 'other'] },
    });
    expect(run.calls.map(({ upstream, request }) => `${upstream}/${request.model}`)).toEqual([
      'groq/llama',
      'main/other',
      'main/test-model',
      'main/test-model',
    ]);
    expect(run.rounds).toBe(3);
  });

  test('a model that the caller may not use refuses the whole before any call', async () => {
    const asked = ask({ script: {}, identity: { models: ['test-*'] }, request: { moa_models: ['groq/llama'] } });
    await expect(asked).rejects.toMatchObject({ status: 403, code: 'model_not_allowed' });
  });

  test('moa_critique each makes one critique per draft, at once', async () => {
    const run = await ask({
      script: { ...SCRIPT, critique: ['one', 'two', 'three'] },
      request: { moa_critique: 'each' },
    });
    expect([run.calls.length, run.rounds]).toEqual([5, 3]);
    for (const part of ['Candidate 1: one', 'Candidate 3: three']) expect(promptOf(run, 'synthesis')).toContain(part);
  });

  test('layers draft again with the drafts in view', async () => {
    const draft = [...DRAFTS, 'second one', 'second two', 'second three'];
    const run = await ask({ script: { ...SCRIPT, draft }, request: { optigate: { moa: { moa_layers: 2 } } } });
    expect([run.calls.length, run.rounds]).toEqual([4, 4]);
    expect(JSON.stringify(run.calls[1]?.request.messages)).toContain('draft alpha');
    expect(promptOf(run, 'synthesis')).toContain('second two');
  });
});

test('all drafts refused: the upstream’s own answer', async () => {
  const run = await ask({
    script: { draft: () => ({ status: 429, error: { message: 'slow down', code: 'rate_limit', param: null } }) },
  });
  expect(run.reply.status).toBe(429);
  expect(run.completion).toMatchObject({ error: { message: 'slow down' } });
});
