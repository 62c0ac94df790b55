/** rstar: its calls, what they get, and what becomes of those that fail. */
import { describe, expect, test } from 'vitest';
import type { ChatRequest } from '../../../core/index.ts';
import type { Scripted } from '../../support/scripted-handler.ts';
import { ask, says, systemOf, stepsIn, traced, tracedOf, paths, FIVE } from './rstar-run.ts';

describe('what does not go well', () => {
  test.each([{ status: 500 }, { status: 429 }, { text: '' }] as Scripted[])(
    'a reader that fails (%o) is a vote less',
    async (bad) => {
      const run = await ask({ script: paths(FIVE, [bad, bad, says(17), says(17), says(9)]) });
      expect([run.text, run.calls.length, run.rounds]).toEqual([says(17), 25, 5]);
    },
  );

  test.each<Scripted>([{ status: 500 }, 'hm'])(
    'where no reader helps (%o) the paths decide, and the client is told',
    async (reading) => {
      const run = await ask({ script: { ...paths(FIVE, []), discriminator: () => reading } });
      expect(run.text).toBe(says(42));
      expect(run.exchange.headers.get('x-optigate-degraded')).toBe('judges_failed');
    },
  );

  test.each([0, 7, 19])('a step that fails (call %i) costs its path, nothing more', async (failing) => {
    const script = {
      candidate: (request: ChatRequest, index: number) => {
        if (index === failing) return { status: 500 };
        return stepsIn(request) === 3 ? says(42) : 'Hm, 5';
      },
      discriminator: () => says(42),
    };
    const run = await ask({ script, request: traced });
    expect(run.text).toBe(says(42));
    expect(tracedOf(run)).toMatchObject({ paths: 4, votes: [{ answer: '42', weight: 12 }] });
  });

  test('half a path is no answer where the upstream fails, but it is where the deadline cuts it', async () => {
    const from = (bad: Scripted) => ({ candidate: (_: ChatRequest, index: number) => (index < 7 ? 'Hm, 5' : bad) });
    const failed = await ask({ script: from({ status: 500 }) });
    expect([failed.reply.status, failed.calls.length]).toEqual([500, 12]);
    const cut = await ask({ script: from({ hangs: true }), request: { optigate: { deadline: 200 } } });
    expect(cut.text).toBe('Hm, 5');
    expect(cut.exchange.headers.get('x-optigate-degraded')).toBe('deadline');
  });

  test('an empty step is made once more, by another action', async () => {
    const candidate = ['', says(42)];
    const run = await ask({ script: { candidate, discriminator: [says(42)] }, request: { rstar_num_rollouts: 1 } });
    expect([run.text, run.calls.length]).toEqual([says(42), 3]);
    expect(systemOf(run.calls[0]!.request)).not.toBe(systemOf(run.calls[1]!.request));
  });

  test('where it comes empty again, the path ends with what it has', async () => {
    const candidate = ['It makes 42', '', { text: 'no', finish: 'content_filter' }];
    const run = await ask({ script: { candidate, discriminator: [says(42)] }, request: { rstar_num_rollouts: 1 } });
    expect([run.text, run.calls.length]).toEqual(['It makes 42', 4]);
  });

  test('a truncated step goes on, and is no answer', async () => {
    const cut = { text: 'The final answer is 4', finish: 'length' };
    const run = await ask({
      script: { candidate: [cut, says(42)], discriminator: [says(42)] },
      request: { rstar_num_rollouts: 1 },
    });
    expect([run.text, run.calls.length]).toEqual([says(42), 3]);
    const readings = await ask({ script: paths(FIVE, [17, 17, 17, 17].map((): Scripted => cut).concat(says(9))) });
    expect(readings.text).toBe(says(9));
  });

  test('no step at all is an error, a refusal of all the upstream’s own', async () => {
    await expect(ask({ script: { candidate: () => '' } })).rejects.toMatchObject({
      status: 502,
      code: 'upstream_error',
    });
    const error = { message: 'slow down', code: 'rate_limit', param: null };
    const run = await ask({ script: { candidate: () => ({ status: 429, error }) } });
    expect([run.reply.status, run.calls.length]).toEqual([429, 5]);
    expect(run.completion).toMatchObject({ error });
    const filtered = await ask({ script: { candidate: () => ({ text: 'no', finish: 'content_filter' }) } });
    expect(filtered.completion.choices[0]?.finish_reason).toBe('content_filter');
  });
});

describe('what the upstream gets', () => {
  test('every call has the conversation, the client’s system prompt and parameters', async () => {
    const request = {
      messages: [
        { role: 'system', content: 'Answer in French.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is it?' },
            { type: 'image_url', image_url: { url: 'data:,' } },
          ],
        },
      ],
      top_p: 0.9,
      stop: ['END'],
      vendor: 1,
      max_completion_tokens: 300,
    };
    const run = await ask({ script: paths(FIVE, FIVE), request });
    for (const { request: sent } of run.calls) {
      expect(sent).toMatchObject({
        top_p: 0.9,
        stop: ['END'],
        vendor: 1,
        max_completion_tokens: 300,
        temperature: 0.2,
      });
      expect(systemOf(sent)).toMatch(/^Answer in French\./);
      expect(sent.messages.slice(1)).toEqual(request.messages.slice(1));
    }
  });

  test('a step sees the whole path before it', async () => {
    const run = await ask({ script: paths(FIVE, FIVE), request: { rstar_num_rollouts: 1 } });
    expect(run.calls.slice(0, 4).map(({ request }) => stepsIn(request))).toEqual([0, 1, 2, 3]);
    expect(systemOf(run.calls[3]!.request)).toMatch(/number 0\.[\s\S]*number 1\.[\s\S]*number 2\./);
  });

  test('each rollout and each reader has a seed of its own where the client gave one', async () => {
    const run = await ask({ script: paths(FIVE, FIVE), request: { seed: 7 } });
    expect(run.calls.slice(0, 5).map(({ request }) => request.seed)).toEqual([7, 8, 9, 10, 11]);
    expect(run.calls.slice(-5).map(({ request }) => request.seed)).toEqual([7, 8, 9, 10, 11]);
  });

  test('another model reads where one is named, if the caller may use it', async () => {
    const request = { optigate: { rstar: { rstar_discriminator_model: 'groq/llama' } } };
    const run = await ask({ script: paths(FIVE, FIVE), request });
    const models = run.calls.map(({ upstream, request: sent }) => `${upstream}/${sent.model}`);
    expect(models).toEqual([...Array<string>(20).fill('main/test-model'), ...Array<string>(5).fill('groq/llama')]);
    const asked = ask({ script: {}, identity: { models: ['test-*'] }, request });
    await expect(asked).rejects.toMatchObject({ status: 403, code: 'model_not_allowed' });
  });

  test('a repeated request makes the same calls, another seed others', async () => {
    const bytes = async (seed: number) => {
      const run = await ask({ script: paths(FIVE, FIVE), request: { seed, rstar_batch: 2 } });
      return run.calls.map((call) => call.bytes.replaceAll(/"seed":\d+/g, ''));
    };
    const first = await bytes(1);
    expect(await bytes(1)).toEqual(first);
    expect(await bytes(2)).not.toEqual(first);
  });

  test('the order in which answers arrive decides nothing', async () => {
    const prompts = async (slow: number) => {
      const script = {
        // What a step says depends on its prompt alone.
        candidate: (request: ChatRequest, index: number) => ({
          text: stepsIn(request) === 3 ? says(systemOf(request).length % 3) : `Thought of ${systemOf(request).length}`,
          waves: 1 + (index % 5 === slow ? 2 : 0),
        }),
        discriminator: (request: ChatRequest) => says(systemOf(request).length % 3),
      };
      const run = await ask({ script });
      return [run.text, ...run.calls.map(({ bytes }) => bytes).toSorted()];
    };
    const [one, two] = [await prompts(0), await prompts(3)];
    expect(one).toEqual(two);
  });

  test('a conversation that ends in a tool result goes on from there', async () => {
    const messages = [
      { role: 'user', content: 'Add.' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c', type: 'function', function: { name: 'add', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'c', content: '3' },
    ];
    const run = await ask({ script: paths(FIVE, FIVE), request: { messages } });
    expect([run.text, run.calls.length]).toEqual([says(42), 25]);
    for (const { request } of run.calls) expect(request.messages.slice(1)).toEqual(messages);
  });

  test.each([{ tools: [{ type: 'function' }] }, { response_format: { type: 'json_object' } }])(
    'is a plain call with %o',
    async (request) => {
      const run = await ask({ script: { answer: ['plain'] }, request });
      expect([run.text, run.calls.length]).toEqual(['plain', 1]);
      expect(run.calls[0]?.request).toMatchObject(request);
      expect(run.exchange.headers.get('x-optigate-degraded')).toBe('rstar: tools or response_format');
      await expect(ask({ script: { answer: [''] }, request })).rejects.toMatchObject({ code: 'upstream_error' });
    },
  );
});
