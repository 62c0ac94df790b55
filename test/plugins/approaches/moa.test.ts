import { describe, expect, test } from 'vitest';
import { Capabilities } from '../../../core/run/capabilities.ts';
import moa from '../../../plugins/approaches/moa/index.ts';
import { runApproach, USAGE, type RunOptions, type Scripted } from '../../support/scripted-handler.ts';

const ask = (options: RunOptions) => runApproach('moa', { plugins: [moa], ...options });
const DRAFTS = ['draft alpha', 'draft beta', 'draft gamma'];
const SCRIPT = { draft: DRAFTS, critique: ['beta is wrong.\nBest: 3'], synthesis: ['the answer'] };

/** What is known of a model that takes no `n`. */
async function withoutN(): Promise<Capabilities> {
  const capabilities = new Capabilities();
  await ask({ script: { ...SCRIPT, draft: ['a', 'b', 'c'] }, n: 'ignores', capabilities });
  return capabilities;
}

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
    expect([run.text, run.calls.length, run.rounds]).toEqual(['the answer', 3, 3]);
    expect(promptOf(run, 'synthesis')).not.toContain('<review>');
    const isFailure = 'status' in (critique as object);
    expect(run.exchange.isPartial).toBe(isFailure ? true : undefined);
    expect(run.exchange.headers.get('x-optigate-degraded')).toBe(isFailure ? 'critique_failed' : undefined);
  });

  test('two drafts that are equal are shown once', async () => {
    const run = await ask({ script: { ...SCRIPT, draft: ['same one', ' same one', 'another'] } });
    expect(times(promptOf(run, 'critique'), 'same one')).toBe(1);
    expect(times(promptOf(run, 'synthesis'), '<candidate ')).toBe(2);
  });

  test('truncated drafts are left out while one is complete, with n and without', async () => {
    const draft: Scripted[] = [{ text: 'cut', finish: 'length' }, 'beta', 'gamma'];
    for (const capabilities of [new Capabilities(), await withoutN()]) {
      const run = await ask({ script: { ...SCRIPT, draft }, capabilities });
      expect(promptOf(run, 'synthesis')).not.toContain('cut');
    }
  });

  test('a draft that fails is left out, and the answer is not kept as a complete one', async () => {
    const draft: Scripted[] = [{ status: 500 }, 'beta', 'gamma'];
    const run = await ask({ script: { ...SCRIPT, draft }, capabilities: await withoutN() });
    expect([run.text, run.rounds, run.exchange.isPartial]).toEqual(['the answer', 3, true]);
    expect(times(promptOf(run, 'synthesis'), '<candidate ')).toBe(2);
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

  test('gives way to the first draft where the critique ranks none', async () => {
    const run = await ask({ script: { ...SCRIPT, critique: ['all fine'], synthesis: [{ text: '' }] } });
    expect(run.text).toBe('draft alpha');
  });

  test('gives way where it is cut before it says a word', async () => {
    const run = await ask({ script: { ...SCRIPT, synthesis: [{ text: '', finish: 'length' }] } });
    expect(run.text).toBe('draft gamma');
  });

  test.each(['', ' \n '])('a stream that ends without a word (%j) is filled with the best draft', async (text) => {
    const run = await ask({ script: { ...SCRIPT, synthesis: [text] }, request: { stream: true } });
    expect(run.completion.choices[0]).toMatchObject({
      finish_reason: 'stop',
      message: { content: `${text}draft gamma` },
    });
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

  test('a model whose upstream speaks another wire refuses the whole before any call, saying what would be needed', async () => {
    const asked = ask({ script: {}, request: { moa_models: ['claude/sonnet', 'other'] } });
    await expect(asked).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
      message: expect.stringMatching(/'claude'.*provider: openai/),
    });
  });

  test('moa_critique each makes one critique per draft, at once', async () => {
    const run = await ask({
      script: { ...SCRIPT, critique: ['one', 'two', 'three'] },
      request: { moa_critique: 'each' },
    });
    expect([run.calls.length, run.rounds]).toEqual([5, 3]);
    expect(promptOf(run, 'critique')).not.toContain('Best:');
    for (const part of ['Candidate 1: one', 'Candidate 3: three']) expect(promptOf(run, 'synthesis')).toContain(part);
  });

  test('one of moa_models that fails is left out; all failing give the error that ranks first', async () => {
    const request = { moa_models: ['groq/llama', 'other', 'third'] };
    const run = await ask({ script: { ...SCRIPT, draft: [{ status: 401 }, 'beta', 'gamma'] }, request });
    expect([run.text, run.calls.length, run.rounds, run.exchange.isPartial]).toEqual(['the answer', 5, 3, undefined]);
    const failed = await ask({ script: { draft: [{ status: 500 }, { status: 429 }, { status: 403 }] }, request });
    expect(failed.reply.status).toBe(403);
  });

  test.each([2, 3])('%i layers take L + 2 rounds', async (moa_layers) => {
    const draft = (_: unknown, index: number) => `draft ${index}`;
    const run = await ask({ script: { ...SCRIPT, draft }, request: { moa_layers } });
    expect([run.calls.length, run.rounds]).toEqual([moa_layers + 2, moa_layers + 2]);
    const single = await ask({ script: { ...SCRIPT, draft }, capabilities: await withoutN(), request: { moa_layers } });
    expect([single.calls.length, single.rounds]).toEqual([3 * moa_layers + 2, moa_layers + 2]);
    const models = await ask({
      script: { ...SCRIPT, draft },
      request: { moa_layers, moa_models: ['a', 'b', 'c', 'd'] },
    });
    expect([models.calls.length, models.rounds]).toEqual([4 * moa_layers + 2, moa_layers + 2]);
  });

  test('a further layer that fails leaves the drafts of the one before', async () => {
    const draft: Scripted[] = [...DRAFTS, { status: 500 }];
    const run = await ask({
      script: { ...SCRIPT, draft: (_, i) => draft[Math.min(i, 3)]! },
      request: { moa_layers: 2 },
    });
    expect(run.text).toBe('the answer');
    expect(promptOf(run, 'synthesis')).toContain('draft alpha');
  });

  test('equal drafts need no further layer', async () => {
    const run = await ask({ script: { draft: ['same', 'same', 'same'] }, request: { moa_layers: 3 } });
    expect([run.text, run.calls.length]).toEqual(['same', 1]);
  });

  test('the critique has its own limit', async () => {
    expect((await ask({ script: SCRIPT })).calls[1]?.request.max_tokens).toBe(2048);
    const run = await ask({ script: SCRIPT, request: { moa_critique_max_tokens: 300, max_completion_tokens: 100 } });
    expect(run.calls.map(({ request }) => request['max_completion_tokens'])).toEqual([100, 300, 100]);
  });

  test('layers draft again with the drafts in view', async () => {
    const draft = [...DRAFTS, 'second one', 'second two', 'second three'];
    const run = await ask({ script: { ...SCRIPT, draft }, request: { optigate: { moa: { moa_layers: 2 } } } });
    expect([run.calls.length, run.rounds]).toEqual([4, 4]);
    expect(JSON.stringify(run.calls[1]?.request.messages)).toContain('draft alpha');
    expect(promptOf(run, 'synthesis')).toContain('second two');
  });
});

describe('limits and choices', () => {
  const draft = (_: unknown, index: number) => DRAFTS[index % 3]!;

  test.each([1, 2, 3, 4, 5])('with a budget of %i calls there is an answer, and never one call more', async (max) => {
    for (const request of [{}, { moa_critique: 'each' }, { moa_models: ['a', 'b', 'c'] }, { moa_layers: 3 }])
      for (const capabilities of [new Capabilities(), await withoutN()]) {
        const script = { draft, critique: () => 'Best: 2', synthesis: ['the answer'] };
        const run = await ask({ script, capabilities, request: { ...request, optigate: { max_calls: max } } });
        expect([...DRAFTS, 'the answer']).toContain(run.text);
        expect(run.calls.length).toBeLessThanOrEqual(max);
        if (run.text !== 'the answer') expect(run.exchange.headers.get('x-optigate-degraded')).toBe('budget');
      }
  });

  test('a model of moa_models that the budget leaves out is told', async () => {
    const script = { draft, critique: ['Best: 1'], synthesis: ['the answer'] };
    const run = await ask({ script, request: { moa_models: ['a', 'b'], optigate: { max_calls: 1 } } });
    expect(run.text).toBe('draft alpha');
    expect(run.exchange.headers.get('x-optigate-degraded')).toBe('budget');
  });
});

describe('the trace', () => {
  const request = { optigate: { trace: true } };
  const notesOf = async (script: RunOptions['script']) => {
    const { completion } = await ask({ script, request });
    return (completion['optigate'] as { moa: unknown }).moa;
  };

  test('tells what the answer is made of', async () => {
    expect(await notesOf(SCRIPT)).toEqual({
      drafts: 3,
      distinct: 3,
      has_critique: true,
      why: 'the answer is written from 3 drafts',
    });
  });

  test('tells which draft is the answer, and why', async () => {
    expect(await notesOf({ draft: ['same', 'same', 'same'] })).toMatchObject({
      winner: 0,
      why: 'all drafts are equal',
    });
    const why = 'the answer could not be written, and the critique ranks this draft best';
    expect(await notesOf({ ...SCRIPT, synthesis: [{ status: 500 }] })).toMatchObject({ winner: 2, why });
  });
});

test('says what it does while it works', async () => {
  const said: string[] = [];
  await ask({ script: SCRIPT, progress: (text) => said.push(text) });
  expect(said).toEqual(['Writing drafts.', '3 drafts are there, weighing them.', 'Writing the answer from 3 drafts.']);
});

test.each([
  { moa_proposers: 1 },
  { moa_proposers: 9 },
  { moa_critique_max_tokens: 255 },
  { moa_layers: 4 },
  { moa_critique: 'none' },
])('refuses %o, naming the field', async (given) => {
  const [field] = Object.keys(given);
  const refused = ask({ script: {}, request: { optigate: { moa: given } } });
  await expect(refused).rejects.toMatchObject({ status: 400, param: `optigate.moa.${field}` });
});

test('all drafts empty: an error, or the filtered one', async () => {
  await expect(ask({ script: { draft: ['', '', ''] } })).rejects.toMatchObject({ status: 502 });
  const run = await ask({ script: { draft: ['', { text: 'x', finish: 'content_filter' }, ''] } });
  expect(run.completion.choices[0]?.finish_reason).toBe('content_filter');
});
