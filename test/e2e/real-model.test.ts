/** Against a real model server, where the machine has one: `../shared/models/serve.sh PORT` starts llama.cpp. */
import OpenAI from 'openai';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { startProgram, type Program } from '../support/program.ts';

const SERVE = fileURLToPath(new URL('../../../shared/models/serve.sh', import.meta.url));
const MODEL = 'smollm2-135m';
const messages = [{ role: 'user' as const, content: 'Name one colour of the rainbow.' }];

describe.skipIf(!existsSync(SERVE))(
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
plugins: [auth, cache, retry, re2, bon, self_consistency]`,
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
      const { data, response } = await ask({ model: `re2&bon-${MODEL}`, seed: 5 });
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

/** How many of the server's slots are at work. */
async function busySlots(url: string): Promise<number> {
  const slots = (await (await fetch(`${url}/slots`)).json()) as { is_processing: boolean }[];
  return slots.filter(({ is_processing }) => is_processing).length;
}

async function startModel() {
  const port = await freePort();
  // A group of its own, so that what the script starts ends with it.
  const child = spawn('bash', [SERVE, String(port)], { detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-4_000)));
  const exited = once(child, 'exit');
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    if (child.exitCode !== null || child.pid === undefined) return;
    process.kill(-child.pid, 'SIGKILL');
    await exited;
  };
  const isUp = async () => {
    if (child.exitCode !== null) throw new Error(`${SERVE} ended: ${stderr}`);
    return (await fetch(`${url}/health`).catch(() => undefined))?.ok ?? false;
  };
  try {
    await vi.waitFor(async () => expect(await isUp()).toBe(true), { timeout: 110_000, interval: 200 });
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, stop };
}
