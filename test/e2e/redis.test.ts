import { Redis } from 'ioredis';
import OpenAI from 'openai';
import { randomUUID } from 'node:crypto';
import { expect, inject, onTestFinished, test } from 'vitest';
import { mainUpstream, startProgram, type Program } from '../support/program.ts';
import { startRedis } from '../support/redis.ts';
import { chatCompletion, events, hold, json, scriptedUpstream, sseChunks } from '../support/scripted-upstream.ts';

const messages = [{ role: 'user' as const, content: 'Hello' }];
const ROUND = 12;

function cacheIn(url: string, more: Readonly<Record<string, unknown>> = {}): string {
  return `plugins: [auth, { cache: ${JSON.stringify({ store: 'redis', url, namespace: randomUUID(), ...more })} }, retry, bon]\n`;
}

const cacheOf = (response: Response) => response.headers.get('x-optigate-cache');

/** Is the cache's Redis there, as the program says? The probe itself must be 200 either way. */
async function redisState(program: Program): Promise<unknown> {
  const response = await fetch(`${program.url}/ready`);
  expect(response.status).toBe(200);
  const { checks } = (await response.json()) as { checks: Record<string, unknown> };
  return checks['redis'];
}

/** Asks different things, one after the other: the time of all in ms. Each must be answered. */
async function timeOf(program: Program, seeds: string): Promise<number> {
  const startedAt = performance.now();
  for (let k = 0; k < ROUND; k++) {
    const response = await program.chat({ seed: `${seeds} ${k}` });
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('hi');
  }
  return performance.now() - startedAt;
}

test('two processes share entries, in either form, and calls under way', async () => {
  const held = hold();
  await using upstream = await scriptedUpstream(async ({ json: body }) => {
    if (body['seed'] === 2) await held.promise;
    return body['stream'] === true ? events(sseChunks('streamed')) : json(chatCompletion('plain'));
  });
  const config = mainUpstream(upstream) + cacheIn(inject('redisUrl'));
  await using one = await startProgram({ config });
  await using other = await startProgram({ config });
  const [client, second] = [one, other].map(({ baseUrl }) => new OpenAI({ baseURL: baseUrl, apiKey: 'none' }));

  const asked = await client!.chat.completions.create({ model: 'm', messages, seed: 1 }).withResponse();
  expect(cacheOf(asked.response)).toBe('miss');
  await expect
    .poll(async () =>
      cacheOf((await second!.chat.completions.create({ model: 'm', messages, seed: 1 }).withResponse()).response),
    )
    .toBe('hit');
  let text = '';
  for await (const chunk of await second!.chat.completions.create({ model: 'm', messages, seed: 1, stream: true })) {
    text += chunk.choices[0]?.delta.content ?? '';
  }
  expect(text).toBe(asked.data.choices[0]?.message.content);

  const before = upstream.requests.length;
  const leading = one.chat({ seed: 2 });
  await upstream.request(before);
  const joining = other.chat({ seed: 2 });
  held.release();
  expect([cacheOf(await leading), cacheOf(await joining)]).toEqual(['miss', 'hit']);
  expect(upstream.requests).toHaveLength(before + 1);
});

test.each([
  [
    'killed',
    async (redis: Awaited<ReturnType<typeof startRedis>>) => redis.kill(),
    async (redis: Awaited<ReturnType<typeof startRedis>>) => redis.restart(),
  ],
  [
    'stopped',
    async (redis: Awaited<ReturnType<typeof startRedis>>) => redis.pause(),
    async (redis: Awaited<ReturnType<typeof startRedis>>) => redis.resume(),
  ],
])(
  'a Redis that is %s while requests run costs no error and little time, and comes back by itself',
  async (_how, hurt, heal) => {
    const redis = await startRedis();
    onTestFinished(async () => {
      redis.resume();
      await redis.stop();
    });
    await using upstream = await scriptedUpstream(json(chatCompletion('hi')));
    await using program = await startProgram({ config: mainUpstream(upstream) + cacheIn(redis.url) });
    await timeOf(program, 'warm up');
    await expect.poll(() => redisState(program)).toBe('up');
    const usual = await timeOf(program, 'usual');

    // It goes while some are under way…
    const running = Array.from({ length: 20 }, (_, k) => program.chat({ seed: `running ${k}` }));
    await upstream.request(2 * ROUND);
    await hurt(redis);
    for (const response of await Promise.all(running)) {
      expect(response.status).toBe(200);
      expect(await response.text()).toContain('hi');
    }
    // …and stays away for others: at most 50 ms each, and some for a machine that has other things to do.
    expect(await timeOf(program, 'away')).toBeLessThan(usual + ROUND * 50 + 1_000);
    const bon = await program.chat({ optillm_approach: 'bon', seed: 'bon' });
    expect(bon.status).toBe(200);
    await expect.poll(() => redisState(program)).toBe('down');
    expect(cacheOf(await program.chat({ seed: 'known to be away' }))).toBe('bypass');

    await heal(redis);
    await expect.poll(() => redisState(program), { timeout: 10_000 }).toBe('up');
    await expect.poll(async () => cacheOf(await program.chat({ seed: 'back' })), { timeout: 5_000 }).toBe('hit');
    expect(program.log().filter(({ msg, status }) => msg === 'request' && status !== 200)).toEqual([]);
  },
);

test('a Redis that is away at the start holds nothing up', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  await redis.kill();
  await using upstream = await scriptedUpstream(json(chatCompletion('hi')));
  await using program = await startProgram({ config: mainUpstream(upstream) + cacheIn(redis.url) });
  expect((await program.chat()).status).toBe(200);
  await expect.poll(() => redisState(program)).toBe('down');
  await redis.restart();
  await expect.poll(() => redisState(program), { timeout: 10_000 }).toBe('up');
});

test('no key is in Redis in clear, in names or values', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const secrets = ['sk-server', 'access-key-of-alice', 'sk-paid-by-alice', 'sk-own-of-a-client', 'access-key-of-bob'];
  await using upstream = await scriptedUpstream(({ json: body }) =>
    body['stream'] === true
      ? events(sseChunks('hi'))
      : json(chatCompletion('7'), { headers: { 'x-echo': 'a', 'set-cookie': 'b=sk-server' } }),
  );
  await using program = await startProgram({
    config: `${mainUpstream(upstream)}plugins:
  - auth:
      keys:
        - { name: alice, key: access-key-of-alice, upstream_keys: { main: sk-paid-by-alice } }
        - { name: bob, key: access-key-of-bob }
  - cache: { store: redis, url: "${redis.url}", compress_above: 30mb }
  - bon`,
  });
  const callers: Record<string, string>[] = [
    { authorization: 'Bearer access-key-of-alice' },
    { 'x-api-key': 'access-key-of-bob' },
    { authorization: 'Bearer sk-own-of-a-client' },
    { authorization: 'Bearer access-key-of-bob', 'x-upstream-key': 'sk-own-of-a-client' },
  ];
  const bodies = [{}, { stream: true, seed: 1 }, { optillm_approach: 'bon' }];
  for (const headers of callers) {
    for (const body of bodies) {
      const response = await program.chat(body, { headers });
      expect([response.status, cacheOf(response)]).toEqual([200, 'miss']);
      await response.text();
    }
  }

  const client = new Redis(redis.url);
  onTestFinished(() => client.disconnect());
  const entries = async () => (await client.keys('*')).filter((key) => !key.endsWith(':lease'));
  await expect.poll(async () => (await entries()).length).toBeGreaterThanOrEqual(callers.length * bodies.length);
  let values = '';
  for (const key of await client.keys('*'))
    values += `${key}\n${(await client.getBuffer(key))?.toString('latin1') ?? ''}\n`;
  expect(values).toContain('chat.completion');
  for (const secret of secrets) expect(values, secret).not.toContain(secret);
});
