import { expect, test } from 'vitest';
import { completeReply, GatewayError, headerOf, Payload } from '../../../../core/index.ts';
import { pluginRecord } from '../../../../core/plugin/define.ts';
import cache from '../../../../plugins/gateway/cache/index.ts';
import { createKept } from '../../../../core/kept.ts';
import { complete, completionOf, eventsOf, openStream, pipelineOf, streamed, USAGE } from './pipeline.ts';
import { QUESTION } from '../../../support/exchange.ts';
import { SteppedClock } from '../../../support/clock.ts';

const STREAM = { ...QUESTION, stream: true };
const STREAM_WITH_USAGE = { ...STREAM, stream_options: { include_usage: true } };

test('answers the second time without a call, with the bytes of the first', async () => {
  const bytes = Buffer.from('{"id": "x",  "seed": 9007199254740993, "choices": [], "usage": {}}');
  await using gateway = await pipelineOf({}, async () => completeReply(Payload.fromBytes(bytes)));

  const first = await gateway.ask();
  const second = await gateway.ask();

  expect([first.cache, second.cache]).toEqual(['miss', 'hit']);
  expect(await second.text()).toBe(bytes.toString());
  expect(gateway.calls).toHaveLength(1);
});

test('replays what describes the answer, not what described the call', async () => {
  const headers = [
    'content-type',
    'application/json',
    'openai-model',
    'm-1',
    'x-request-id',
    'r',
    'x-ratelimit-x',
    '1',
  ];
  await using gateway = await pipelineOf({}, async () => complete('hi', headers));

  await gateway.ask();
  const { reply } = await gateway.ask();

  expect(reply.headers).toEqual(['content-type', 'application/json', 'openai-model', 'm-1']);
});

test('replays a stream as it came', async () => {
  await using gateway = await pipelineOf({}, async () => streamed(['He', 'llo']));

  await (await gateway.ask({ body: STREAM_WITH_USAGE })).text();
  const again = await gateway.ask({ body: STREAM_WITH_USAGE });

  expect(again.cache).toBe('hit');
  expect(headerOf(again.reply.headers, 'content-type')).toMatch('text/event-stream');
  expect(await again.text()).toBe(eventsOf(['He', 'llo']).join(''));
});

test('leaves the usage chunk out for a client that did not ask for it', async () => {
  await using gateway = await pipelineOf({}, async () => streamed(['He', 'llo']));

  await (await gateway.ask({ body: STREAM_WITH_USAGE })).text();
  const again = await gateway.ask({ body: STREAM });

  expect(again.cache).toBe('hit');
  expect(await again.text()).toBe(eventsOf(['He', 'llo'], { usage: false }).join(''));
});

test('serves a plain request from a streamed answer', async () => {
  await using gateway = await pipelineOf({}, async () => streamed(['He', 'llo']));

  await (await gateway.ask({ body: STREAM })).text();
  const plain = await gateway.ask();

  expect(plain.cache).toBe('hit');
  expect(headerOf(plain.reply.headers, 'content-type')).toBe('application/json');
  expect(JSON.parse(await plain.text())).toEqual(completionOf('Hello'));
});

test('serves a streamed request from a plain answer, usage for those who ask', async () => {
  await using gateway = await pipelineOf({}, async () => complete('Hello'));

  await gateway.ask();
  const stream = await (await gateway.ask({ body: STREAM })).text();
  const withUsage = await (await gateway.ask({ body: STREAM_WITH_USAGE })).text();

  expect(stream).toContain('"content":"Hello"');
  expect(stream).not.toContain('usage');
  expect(stream.endsWith('data: [DONE]\n\n')).toBe(true);
  expect(withUsage).toContain(`"choices":[],"usage":${JSON.stringify(USAGE)}`);
  expect(gateway.calls).toHaveLength(1);
});

test('a stream without usage serves streams alone', async () => {
  await using gateway = await pipelineOf({}, async (call) =>
    call.request.value.stream ? streamed(['Hello'], { usage: false }) : complete('Hello'),
  );

  await (await gateway.ask({ body: STREAM })).text();
  const stream = await gateway.ask({ body: STREAM });
  const plain = await gateway.ask();

  expect([stream.cache, plain.cache]).toEqual(['hit', 'miss']);
  expect(gateway.calls).toHaveLength(2);
  expect((await gateway.ask()).cache).toBe('hit');
});

test('keeps answers for the ttl, and for the one a request asks for', async () => {
  const clock = new SteppedClock();
  await using gateway = await pipelineOf({ ttl: '1h' }, async () => complete('hi'), { clock });
  const brief = { headers: { 'x-optigate-cache-ttl': '10m' }, body: { ...QUESTION, seed: 1 } };

  await gateway.ask();
  await gateway.ask(brief);
  clock.advance(10 * 60_000 - 1);
  expect([(await gateway.ask()).cache, (await gateway.ask(brief)).cache]).toEqual(['hit', 'hit']);
  clock.advance(1);
  expect([(await gateway.ask()).cache, (await gateway.ask(brief)).cache]).toEqual(['hit', 'miss']);
  clock.advance(50 * 60_000);
  expect((await gateway.ask()).cache).toBe('miss');
});

test('refuses a time to live that is none, naming the header', async () => {
  await using gateway = await pipelineOf({}, async () => complete('hi'));

  await expect(gateway.ask({ headers: { 'x-optigate-cache-ttl': 'soon' } })).rejects.toMatchObject({
    status: 400,
    param: 'x-optigate-cache-ttl',
  });
});

test('no-cache asks anew and stores, no-store does neither', async () => {
  let count = 0;
  await using gateway = await pipelineOf({}, async () => complete(`answer ${++count}`));
  const text = async (control?: string) => {
    const asked = await gateway.ask(control ? { headers: { 'cache-control': control } } : {});
    return [asked.cache, /answer \d/.exec(await asked.text())?.[0]];
  };

  expect(await text('no-store')).toEqual(['bypass', 'answer 1']);
  expect(await text()).toEqual(['miss', 'answer 2']);
  expect(await text('max-age=5, No-Cache')).toEqual(['bypass', 'answer 3']);
  expect(await text()).toEqual(['hit', 'answer 3']);
  expect(await text('no-store')).toEqual(['bypass', 'answer 4']);
  expect(await text()).toEqual(['hit', 'answer 3']);
});

test('max-age takes no older answer', async () => {
  const clock = new SteppedClock();
  await using gateway = await pipelineOf({}, async () => complete('hi'), { clock });
  const young = { headers: { 'cache-control': 'max-age=60' } };

  await gateway.ask();
  clock.advance(60_000);
  expect((await gateway.ask(young)).cache).toBe('hit');
  clock.advance(1);
  expect((await gateway.ask(young)).cache).toBe('miss');
  expect((await gateway.ask(young)).cache).toBe('hit');
});

test.each([400, 404, 429, 500])('passes a %i on and does not store it', async (status) => {
  const refusal = Payload.fromBytes(Buffer.from('{"error":{"message":"no"}}'));
  await using gateway = await pipelineOf({}, async () => completeReply(refusal as never, status, ['retry-after', '3']));

  const first = await gateway.ask();
  const second = await gateway.ask();

  expect(first.reply).toMatchObject({ status, headers: ['retry-after', '3'] });
  expect(second.cache).toBe('miss');
});

test('never stores a stream that was cut', async () => {
  const upstream = [openStream(), openStream()];
  await using gateway = await pipelineOf({}, async () => upstream.shift()!.reply);
  const [cut] = upstream;

  const first = await gateway.ask({ body: STREAM });
  cut!.push(eventsOf(['He'])[0]!);
  cut!.body.fail(new GatewayError({ status: 502, code: 'upstream_stream_interrupted', message: 'cut' }));

  await expect(first.text()).rejects.toMatchObject({ code: 'upstream_stream_interrupted' });
  expect((await gateway.ask({ body: STREAM })).cache).toBe('miss');
});

test('a larger answer than allowed is passed on whole, and not stored', async () => {
  const pieces = Array.from({ length: 40 }, (_, k) => `piece ${k} ${'x'.repeat(100)}`);
  await using gateway = await pipelineOf({ max_entry_bytes: '2kb' }, async (call) =>
    call.request.value.stream ? streamed(pieces) : complete('x'.repeat(3_000)),
  );

  for (const body of [QUESTION, STREAM]) {
    const first = await (await gateway.ask({ body })).text();
    expect(first.length).toBeGreaterThan(2_048);
    expect((await gateway.ask({ body })).cache).toBe('miss');
  }
  expect(await (await gateway.ask({ body: STREAM })).text()).toBe(eventsOf(pieces).join(''));
});

test('forgets the least recently used when the memory is full', async () => {
  await using gateway = await pipelineOf({ max_bytes: '16kb' }, async () => complete('x'.repeat(4_000)));
  const ask = async (seed: number) => (await gateway.ask({ body: { ...QUESTION, seed } })).cache;

  expect([await ask(1), await ask(2), await ask(3), await ask(1), await ask(4)]).toEqual([
    'miss',
    'miss',
    'miss',
    'hit',
    'miss',
  ]);
  expect([await ask(1), await ask(2)]).toEqual(['hit', 'miss']);
});

test('entries survive a reload', async () => {
  const kept = createKept();
  await using before = await pipelineOf({}, async () => complete('hi'), { kept });
  await using after = await pipelineOf({ ttl: '2h' }, async () => complete('hi'), { kept });

  await before.ask();

  expect((await after.ask()).cache).toBe('hit');
});

test.each([
  { previous_response_id: 'resp_1' },
  { conversation: 'conv_1' },
  { conversation: { id: 'conv_1' } },
  { background: true },
  { store: true },
])('does not touch a response that is kept at the provider: %j', async (state) => {
  const response = Payload.fromValue({ id: 'resp_2', status: 'completed', output: [] });
  await using gateway = await pipelineOf({}, async () => completeReply(response as never));
  const ask = { operation: 'responses', body: { model: 'm', input: 'hi', ...state } } as const;

  expect([(await gateway.ask(ask)).cache, (await gateway.ask(ask)).cache]).toEqual(['bypass', 'bypass']);
});

test('a response that failed is no answer', async () => {
  const response = Payload.fromValue({ id: 'resp_2', status: 'failed', output: [] });
  await using gateway = await pipelineOf({}, async () => completeReply(response as never));
  const ask = { operation: 'responses', body: { model: 'm', input: 'hi' } } as const;

  expect([(await gateway.ask(ask)).cache, (await gateway.ask(ask)).cache]).toEqual(['miss', 'miss']);
});

test('leaves other paths alone', async () => {
  await using gateway = await pipelineOf({}, async () => complete('hi'));

  const asked = await gateway.ask({ operation: 'other', path: '/v1/moderations' });

  expect(asked.cache).toBeUndefined();
  await gateway.ask({ operation: 'other', path: '/v1/moderations' });
  expect(gateway.calls).toHaveLength(2);
});

test('leaves the padding of chunks out of what it stores', async () => {
  const upstream = openStream();
  await using gateway = await pipelineOf({}, async () => upstream.reply);
  const event = eventsOf(['say "obfuscation":"x"'])[1]!;
  upstream.push(event.replace('}\n\n', ',"obfuscation":"aB3"}\n\n'));
  upstream.body.end();

  const first = await (await gateway.ask({ body: STREAM_WITH_USAGE })).text();
  const second = await (await gateway.ask({ body: STREAM_WITH_USAGE })).text();

  expect(first).toContain('"obfuscation":"aB3"');
  expect(second).toBe(event);
});

test.each([
  [{ store: 'redis' }, 'a url with store: redis'],
  [{ store: 'disk' }, 'store'],
  [{ store: 'redis', url: 'http://x' }, 'url'],
  [{ ttl: 'soon' }, 'ttl'],
  [{ max_bytes: 0 }, 'max_bytes'],
  [{ tttl: '1h' }, 'tttl'],
])('refuses the options %j', (options, message) => {
  const parsed = pluginRecord(cache)!.schema.safeParse(options);

  expect(parsed.error?.message).toContain(message);
});
