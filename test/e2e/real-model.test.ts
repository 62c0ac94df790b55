/** Against a real model server, where the machine has one: `../shared/models/serve.sh PORT` starts llama.cpp. */
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EVERY_APPROACH } from '../support/every-approach.ts';
import { startProgram, type Program } from '../support/program.ts';
import { busySlots, hasModel, MODEL, startModel } from '../support/real-model.ts';

const SLUGS = EVERY_APPROACH.map(({ slug }) => slug);
const messages = [{ role: 'user' as const, content: 'Name one colour of the rainbow.' }];

describe.skipIf(!hasModel)(
  'a real model (skipped where ../shared/models/serve.sh is not there)',
  { timeout: 60_000 },
  () => {
    let model: { readonly url: string; stop(): Promise<void> };
    let program: Program;
    let client: OpenAI;

    // One start for all: it takes seconds and memory.
    beforeAll(async () => {
      model = await startModel();
      program = await startProgram({
        config: `upstreams: { llama: { base_url: "${model.url}/v1", api_key: none } }
model: ${MODEL}
plugins: [auth, cache, retry, ${SLUGS.join(', ')}, ./brief.js]`,
        files: { 'brief.js': BRIEF },
      });
      client = new OpenAI({ baseURL: program.baseUrl, apiKey: 'none', maxRetries: 0 });
    }, 120_000);

    afterAll(async () => {
      await program?.[Symbol.asyncDispose]();
      await model?.stop();
    });

    const ask = (body: object = {}, headers: Record<string, string> = {}) =>
      client.chat.completions
        .create({ model: MODEL, messages, max_tokens: 12, ...body, stream: false }, { headers })
        .withResponse();

    test('is listed, and answers', async () => {
      const names: string[] = [];
      for await (const { id } of client.models.list()) names.push(id);
      expect(names).toContain(MODEL);
      const { data, response } = await ask();
      expect(data.choices[0]?.message.content).toMatch(/\w/);
      expect(data.usage?.completion_tokens).toBeGreaterThan(0);
      expect(response.headers.get('x-optigate-approach')).toBe('none');
      expect(response.headers.get('x-optigate-upstream')).toBe('llama');
    });

    test('streams, with usage where it is asked for', async () => {
      const stream = await client.chat.completions.create({
        model: MODEL,
        messages,
        max_tokens: 12,
        seed: 1,
        stream: true,
        stream_options: { include_usage: true },
      });
      let text = '';
      let chunks = 0;
      let usage: OpenAI.CompletionUsage | null | undefined;
      for await (const chunk of stream) {
        chunks++;
        text += chunk.choices[0]?.delta.content ?? '';
        usage = chunk.usage ?? usage;
      }
      expect(text).toMatch(/\w/);
      expect(chunks).toBeGreaterThan(3);
      expect(usage?.completion_tokens).toBeGreaterThan(0);
    });

    test('gives n choices', async () => {
      const { data } = await ask({ n: 3, temperature: 1 });
      expect(data.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
      for (const { message } of data.choices) expect(message.content).toMatch(/\w/);
    });

    test('answers better than asked for: re2&bon, its usage the sum of all calls', async () => {
      const plain = await ask({ seed: 5 });
      const { data, response } = await ask({ model: `re2&bon-${MODEL}`, seed: 5, best_of_n: 2 });
      expect(data.choices).toHaveLength(1);
      expect(data.choices[0]?.message.content).toMatch(/\w/);
      expect(response.headers.get('x-optigate-approach')).toBe('re2&bon');
      expect(Number(response.headers.get('x-optigate-calls'))).toBeGreaterThan(1);
      expect(data.usage?.prompt_tokens).toBeGreaterThan(2 * (plain.data.usage?.prompt_tokens ?? 0));
    });

    test('self_consistency, streamed', async () => {
      const stream = await client.chat.completions.create({
        model: `self_consistency-${MODEL}`,
        messages: [{ role: 'user', content: 'What is 2+3? Answer with the number.' }],
        max_tokens: 8,
        stream: true,
      });
      let text = '';
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
      expect(text).toMatch(/\S/);
    });

    test('is not asked again for what the cache has', async () => {
      const first = await ask({ seed: 7 });
      const again = await ask({ seed: 7 });
      expect(first.response.headers.get('x-optigate-cache')).toBe('miss');
      expect(again.response.headers.get('x-optigate-cache')).toBe('hit');
      expect(again.response.headers.get('x-optigate-calls')).toBe('0');
      expect(again.data).toEqual(first.data);
    });

    // In turn whole and streamed: what an approach asks for does not depend on it, and every call takes seconds.
    test.each(SLUGS.map((slug, k) => [slug, k % 2 === 1 ? 'streamed' : 'whole'] as const))(
      '%s answers a sum without an error, %s',
      async (approach, form) => {
        const stream = form === 'streamed';
        const response = await program.chat({
          model: MODEL,
          messages: [{ role: 'user', content: 'What is 7+5?' }],
          max_tokens: 16,
          seed: 1,
          optillm_approach: approach,
          stream,
          ...SMALL,
        });
        const body = await response.text();
        expect([response.status, body]).toEqual([200, expect.not.stringContaining('"error"')]);
        expect(stream ? contentOf(body) : wholeContentOf(body)).toMatch(/\w/);
        if (stream) expect(body.trimEnd().endsWith('data: [DONE]')).toBe(true);
      },
    );

    test('stops working for a client that leaves', async () => {
      const stream = await client.chat.completions.create({
        model: MODEL,
        messages: [{ role: 'user', content: 'Tell a very long story about the sea.' }],
        max_tokens: 4_000,
        // llama.cpp's own: goes on to the limit.
        ignore_eos: true,
        stream: true,
      } as OpenAI.ChatCompletionCreateParamsStreaming);
      for await (const _ of stream) break;
      await program.output(/"client_gone":true/);
      await expect.poll(() => busySlots(model.url), { timeout: 10_000 }).toBe(0);
    });
  },
);

/** Few calls, where an approach makes many. */
const SMALL = {
  mcts_simulations: 1,
  mcts_branching: 2,
  rstar_num_rollouts: 1,
  rstar_max_depth: 1,
  cepo_config: Object.fromEntries(['bestofn_n', 'planning_n', 'planning_m'].map((name) => [name, 1])),
  moa_proposers: 2,
  pvg_rounds: 1,
  pvg_solutions: 1,
  mars_num_agents: 2,
  mars_max_iterations: 1,
  mars_enable_aggregation: false,
  mars_enable_strategy_network: false,
  mars_max_verification_attempts: 1,
  z3_max_attempts: 1,
};

/** Keeps every call of an approach short: this model knows no end where a long answer is allowed. */
const BRIEF = `import { definePlugin } from 'optigate';
export default definePlugin({
  name: 'brief',
  description: 'Limits the calls of approaches to 32 tokens.',
  apply({ hooks }) {
    hooks.upstream.tap('brief', (call, next) => {
      const isShort = call.exchange.plan.approach === 'none' || call.request.value.max_tokens <= 32;
      return next(isShort ? call : call.with({ max_tokens: 32 }));
    });
  },
});`;

function wholeContentOf(body: string): string {
  const { choices } = JSON.parse(body) as OpenAI.ChatCompletion;
  return choices[0]?.message.content ?? '';
}

function contentOf(events: string): string {
  const chunks = events.split('\n\n').filter((event) => event.startsWith('data: {'));
  return chunks
    .map((event) => (JSON.parse(event.slice(6)) as OpenAI.ChatCompletionChunk).choices[0]?.delta.content ?? '')
    .join('');
}
