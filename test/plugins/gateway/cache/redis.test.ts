import { Redis } from 'ioredis';
import { randomUUID } from 'node:crypto';
import { describe, expect, inject, onTestFinished, test, vi } from 'vitest';
import type { Call, Handler, Reply } from '../../../../core/index.ts';
import { createKept } from '../../../../core/kept.ts';
import { encodeEntry } from '../../../../plugins/gateway/cache/entry.ts';
import { startRedis } from '../../../support/redis.ts';
import { complete, eventsOf, openStream, pipelineOf, until } from './pipeline.ts';
import { QUESTION } from '../../../support/exchange.ts';

const STREAM = { ...QUESTION, stream: true, stream_options: { include_usage: true } };

const settings = (more: object = {}) => ({
  store: 'redis',
  url: inject('redisUrl'),
  namespace: randomUUID(),
  ...more,
});

async function ownRedis(...args: Parameters<typeof startRedis>) {
  const redis = await startRedis(...args);
  onTestFinished(() => redis.stop());
  return redis;
}

/** Six calls, one after the other, each of them another one. */
const inSixRounds = {
  approach: 'rounds',
  isSingleCall: false,
  async run(call: Call, next: Handler): Promise<Reply> {
    for (let round = 1; round < 6; round++) await next(call.with({ seed: round }));
    return next(call);
  },
};

test('an entry outlives the process, in either form', async () => {
  const options = settings();
  {
    await using before = await pipelineOf(options, async () => complete('Hello'));
    await before.ask();
  }
  await using after = await pipelineOf(options, async () => complete('another'));
  const asked = await after.ask();
  const streamed = await after.ask({ body: STREAM });

  expect([asked.cache, streamed.cache]).toEqual(['hit', 'hit']);
  expect(await asked.text()).toContain('Hello');
  expect(await streamed.text()).toContain('"content":"Hello"');
});

test('long entries are compressed, keys are namespaced and versioned, entries expire', async () => {
  const options = settings({ ttl: '10m' });
  const client = new Redis(inject('redisUrl'));
  onTestFinished(() => client.disconnect());
  await using gateway = await pipelineOf(options, async () => complete('x'.repeat(100_000)));

  await gateway.ask();

  const pattern = `${options.namespace}:1:{*}`;
  await until(async () => (await client.keys(pattern)).length === 1, 'written');
  const [key] = await client.keys(pattern);
  expect(await client.strlen(key!)).toBeLessThan(10_000);
  expect(await client.pttl(key!)).toBeGreaterThan(9 * 60_000);
  await until(async () => (await client.exists(`${key}:lease`)) === 0, 'lease released');
});

test('what is not an entry is a miss, and replaced', async () => {
  const options = settings({ memory_ttl: 0 });
  const client = new Redis(inject('redisUrl'));
  onTestFinished(() => client.disconnect());
  await using gateway = await pipelineOf(options, async () => complete('hi'));
  await gateway.ask();
  const pattern = `${options.namespace}:1:{*}`;
  await until(async () => (await client.keys(pattern)).length === 1, 'written');
  const [key] = await client.keys(pattern);
  await client.set(key!, 'garbage');

  expect((await gateway.ask()).cache).toBe('miss');
  await until(async () => (await client.get(key!)) !== 'garbage', 'replaced');
  expect((await gateway.ask()).cache).toBe('hit');
});

test.each<[string, object, string]>([
  ['no answer', QUESTION, '[[[['],
  ['an answer nested deeply', QUESTION, `{"choices":[${'['.repeat(5_000)}`],
  ['a failure', QUESTION, '{"error":{"message":"no"}}'],
  ['no stream', STREAM, '<html>'],
])('what another program stored is a miss: %s', async (_, body, stored) => {
  const options = settings({ memory_ttl: 0 });
  const client = new Redis(inject('redisUrl'));
  onTestFinished(() => client.disconnect());
  await using gateway = await pipelineOf(options, async () => complete('hi'));
  await gateway.ask({ body });
  const pattern = `${options.namespace}:1:{*}`;
  await until(async () => (await client.keys(pattern)).length === 1, 'written');
  const [key] = await client.keys(pattern);
  const form = body === STREAM ? 'stream' : 'complete';
  const storedAt = Date.now();
  const entry = { storedAt, expiresAt: storedAt + 60_000, form, headers: [], body: Buffer.from(stored) } as const;
  await client.set(key!, await encodeEntry(entry, 1_000_000));

  const asked = await gateway.ask({ body });
  expect(asked.cache).toBe('miss');
  expect(await asked.text()).toContain('hi');
});

describe('with least rights', () => {
  /** A Redis with a user `gate` who has these rights only. */
  async function redisFor(rules: string) {
    const redis = await ownRedis();
    const admin = new Redis(redis.url);
    onTestFinished(() => admin.disconnect());
    await admin.call('ACL', 'SETUSER', 'gate', 'on', '>word', 'resetchannels', ...rules.split(' '));
    return redis.url.replace('redis://', 'redis://gate:word@');
  }

  test('the documented ones are enough, outside of the namespace it needs none', async () => {
    const url = await redisFor('~gate:* +get +set +exists +del +pexpire +eval');
    const options = settings({ url, namespace: 'gate', memory_ttl: 0 });
    await using gateway = await pipelineOf(options, async () => complete('hi'));
    expect(await gateway.check('redis')).toBe('up');
    expect((await gateway.ask()).cache).toBe('miss');
    await expect.poll(async () => (await gateway.ask()).cache).toBe('hit');
    expect(await gateway.check('redis')).toBe('up');
  });

  test('without scripts, plain commands do: entries, and calls that processes share', async () => {
    const url = await redisFor('~gate:* +get +set +exists +del +pexpire');
    const options = settings({ url, namespace: 'gate', memory_ttl: 0 });
    const answer = Promise.withResolvers<Reply>();
    await using one = await pipelineOf(options, () => answer.promise);
    await using other = await pipelineOf(options, async () => complete('asked twice'));
    const leading = one.ask();
    await until(() => one.calls.length === 1, 'under way');
    const waiting = other.ask();
    answer.resolve(complete('asked once'));

    expect((await leading).cache).toBe('miss');
    expect(await (await waiting).text()).toContain('asked once');
    expect(other.calls).toHaveLength(0);
    expect([await one.check('redis'), await other.check('redis')]).toEqual(['up', 'up']);

    const failing = { body: { ...QUESTION, seed: 2 } };
    expect((await other.ask(failing)).cache).toBe('miss');
    await expect.poll(async () => (await other.ask(failing)).cache).toBe('hit');
  });

  test('too few for anything: it is down, and requests go on', async () => {
    const url = await redisFor('~gate:* +exists +eval');
    await using gateway = await pipelineOf(settings({ url, namespace: 'gate' }), async () => complete('hi'));
    expect((await gateway.ask()).cache).toBe('bypass');
    expect(await gateway.check('redis')).toBe('down');
  });
});

test('processes share a call under way', async () => {
  const options = settings();
  const answer = Promise.withResolvers<Reply>();
  await using one = await pipelineOf(options, () => answer.promise);
  await using other = await pipelineOf(options, async () => complete('asked twice'));

  const leading = one.ask();
  await until(() => one.calls.length === 1, 'under way');
  const waiting = other.ask();
  answer.resolve(complete('asked once'));

  expect((await leading).cache).toBe('miss');
  expect(await (await waiting).text()).toContain('asked once');
  expect((await waiting).cache).toBe('hit');
  expect(other.calls).toHaveLength(0);
});

test('whoever waits for another process that fails asks for itself', async () => {
  const options = settings();
  const answer = Promise.withResolvers<Reply>();
  await using one = await pipelineOf(options, () => answer.promise);
  await using other = await pipelineOf(options, async () => complete('hi'));

  const leading = one.ask();
  await until(() => one.calls.length === 1, 'under way');
  const waiting = other.ask();
  answer.reject(new Error('no'));

  await expect(leading).rejects.toMatchObject({ cause: { message: 'no' } });
  expect((await waiting).cache).toBe('miss');
});

test('whoever leaves while Redis is asked keeps nobody waiting', async () => {
  const options = settings();
  await using one = await pipelineOf(options, async () => complete('hi'));
  await using other = await pipelineOf(options, async () => complete('hi'));
  const leaving = new AbortController();

  const asking = one.ask({ signal: leaving.signal });
  leaving.abort(new Error('gone'));

  await expect(asking).rejects.toMatchObject({ cause: { message: 'gone' } });
  expect((await other.ask()).cache).toBe('miss');
  expect(one.calls).toHaveLength(0);
});

test('equal requests ask Redis once', async () => {
  const options = settings();
  const upstream = openStream();
  await using gateway = await pipelineOf(options, async () => upstream.reply);

  const asking = [gateway.ask({ body: STREAM }), gateway.ask({ body: STREAM })];
  const [first, second] = await Promise.all(asking);
  for (const event of eventsOf(['hi'])) upstream.push(event);
  upstream.body.end();

  expect([first!.cache, second!.cache]).toEqual(['miss', 'hit']);
  expect(await first!.text()).toBe(await second!.text());
  expect(gateway.calls).toHaveLength(1);
});

test('without Redis requests go on, and it comes back by itself', async () => {
  const redis = await ownRedis();
  await using gateway = await pipelineOf(settings({ url: redis.url }), async () => complete('hi'));
  const ask = async (seed: number) => (await gateway.ask({ body: { ...QUESTION, seed } })).cache;
  expect([await ask(1), await gateway.check('redis')]).toEqual(['miss', 'up']);

  await redis.kill();
  await until(async () => (await gateway.check('redis')) === 'down', 'noticed');
  expect(await ask(2)).toBe('bypass');
  expect(await ask(2)).toBe('hit');

  await redis.restart();
  await until(async () => (await gateway.check('redis')) === 'up', 'back');
  expect(await ask(3)).toBe('miss');
});

test('the connection survives a reload', async () => {
  const options = settings({ memory_ttl: 0 });
  const kept = createKept();
  const before = await pipelineOf(options, async () => complete('hi'), { kept });
  await using after = await pipelineOf(options, async () => complete('hi'), { kept });

  await before.close();

  expect(await after.check('redis')).toBe('up');
  expect((await after.ask()).cache).toBe('miss');
});

test('a start without Redis is a start', async () => {
  const redis = await ownRedis();
  await redis.kill();
  await using gateway = await pipelineOf(settings({ url: redis.url }), async () => complete('hi'));

  expect([(await gateway.ask()).cache, await gateway.check('redis')]).toEqual(['bypass', 'down']);
  await redis.restart();
  await until(async () => (await gateway.check('redis')) === 'up', 'there');
});

test('a hung Redis costs one time-out in all, whatever the calls, and comes back by itself', async () => {
  const redis = await ownRedis();
  await using gateway = await pipelineOf(settings({ url: redis.url }), async () => complete('hi'));
  const commands = vi.spyOn(Redis.prototype, 'sendCommand');
  onTestFinished(() => commands.mockRestore());

  redis.pause();
  const started = performance.now();
  const asked = await gateway.ask({ plan: inSixRounds });
  const took = performance.now() - started;
  await gateway.ask({ plan: inSixRounds, body: { ...QUESTION, top_p: 0.5 } });

  expect(asked.cache).toBe('bypass');
  expect(commands.mock.calls.filter(([{ name }]) => name.toLowerCase() === 'eval')).toHaveLength(1);
  // 36 ms on a quiet machine; seven lookups would take 245.
  expect(took).toBeGreaterThan(30);
  expect(took).toBeLessThan(200);
  expect(await gateway.check('redis')).toBe('down');

  redis.resume();
  await until(async () => (await gateway.check('redis')) === 'up', 'back');
  expect((await gateway.ask({ body: { ...QUESTION, seed: 9 } })).cache).toBe('miss');
});

test('requests at the same time lose one time-out together, those after them none', async () => {
  const redis = await ownRedis();
  await using gateway = await pipelineOf(settings({ url: redis.url }), async () => complete('hi'));
  const ask = async (seed: number) => (await gateway.ask({ body: { ...QUESTION, seed } })).cache;
  const commands = vi.spyOn(Redis.prototype, 'sendCommand');
  onTestFinished(() => commands.mockRestore());

  redis.pause();
  const states = await Promise.all(Array.from({ length: 20 }, (_, seed) => ask(seed)));
  const lookups = commands.mock.calls.filter(([{ name }]) => name.toLowerCase() === 'eval').length;
  states.push(await ask(20), await ask(21));

  expect(new Set(states)).toEqual(new Set(['bypass']));
  expect(commands.mock.calls.filter(([{ name }]) => name.toLowerCase() === 'eval')).toHaveLength(lookups);
  redis.resume();
});

test('a full Redis is read but not written, and says so until it has room', async () => {
  const redis = await ownRedis(['--maxmemory-policy', 'noeviction']);
  const admin = new Redis(redis.url);
  onTestFinished(() => admin.disconnect());
  await using gateway = await pipelineOf(settings({ url: redis.url, memory_ttl: 0 }), async () => complete('hi'));
  await gateway.ask();
  await until(async () => (await admin.dbsize()) === 1, 'written');

  await admin.config('SET', 'maxmemory', '1');
  const other = { body: { ...QUESTION, seed: 1 } };
  expect([(await gateway.ask()).cache, (await gateway.ask(other)).cache]).toEqual(['hit', 'miss']);
  await until(async () => (await gateway.check('redis')) === 'down', 'told');
  expect((await gateway.ask(other)).cache).toBe('miss');

  await admin.config('SET', 'maxmemory', '0');
  await gateway.ask(other);
  await until(async () => (await gateway.check('redis')) === 'up', 'has room');
  expect((await gateway.ask(other)).cache).toBe('hit');
});

test('a cluster is a store, too', async () => {
  const redis = await ownRedis(['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1']);
  const admin = new Redis(redis.url);
  onTestFinished(() => admin.disconnect());
  await admin.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
  await until(async () => String(await admin.call('CLUSTER', 'INFO')).includes('cluster_state:ok'), 'cluster up');
  const options = settings({ url: [redis.url], memory_ttl: 0 });
  await using gateway = await pipelineOf(options, async () => complete('hi'));

  expect(await gateway.check('redis')).toBe('up');
  expect((await gateway.ask()).cache).toBe('miss');
  await until(async () => (await admin.dbsize()) === 1, 'written');
  expect((await gateway.ask()).cache).toBe('hit');

  redis.pause();
  expect((await gateway.ask()).cache).toBe('bypass');
  redis.resume();
  await until(async () => (await gateway.check('redis')) === 'up', 'back');
});
