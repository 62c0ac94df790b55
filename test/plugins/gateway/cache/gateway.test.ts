import { expect, test } from 'vitest';
import { startGateway } from '../../../support/gateway.ts';
import {
  chatCompletion,
  events,
  hold,
  json,
  scriptedUpstream,
  sseChunksWithUsage,
} from '../../../support/scripted-upstream.ts';

const CACHE = 'plugins: [auth, cache]\n';
const headersOf = (response: Response) =>
  ['x-optigate-cache', 'x-optigate-calls'].map((name) => response.headers.get(name));

test('a hit makes no call and says so', async () => {
  await using upstream = await scriptedUpstream([json(chatCompletion('hi'))]);
  await using gateway = await startGateway(upstream, { yaml: CACHE });

  const first = await gateway.chat();
  const second = await gateway.chat();

  expect([headersOf(first), headersOf(second)]).toEqual([
    ['miss', '1'],
    ['hit', '0'],
  ]);
  expect(await second.text()).toBe(await first.text());
});

test('a streamed answer serves both forms, usage only for those who ask', async () => {
  await using upstream = await scriptedUpstream([events(sseChunksWithUsage({ total_tokens: 3 }, 'a', 'b'))]);
  await using gateway = await startGateway(upstream, { yaml: CACHE });

  const first = await (await gateway.chat({ stream: true })).text();
  const again = await gateway.chat({ stream: true });
  const plain = await gateway.chat();

  expect(upstream.requests[0]?.json['stream_options']).toEqual({ include_usage: true });
  expect(first).not.toContain('"usage"');
  expect(await again.text()).toBe(first);
  expect(await plain.json()).toMatchObject({ choices: [{ message: { content: 'ab' } }], usage: { total_tokens: 3 } });
  expect([again, plain].map((response) => response.headers.get('x-optigate-cache'))).toEqual(['hit', 'hit']);
});

test('requests at the same time share one call', async () => {
  const held = hold();
  await using upstream = await scriptedUpstream([json(chatCompletion('hi'), { after: held.promise })]);
  await using gateway = await startGateway(upstream, { yaml: CACHE });

  const asking = [gateway.chat(), gateway.chat(), gateway.chat()];
  await upstream.request(0);
  held.release();

  const answers = await Promise.all(asking);
  const hits = answers.filter((answer) => answer.headers.get('x-optigate-cache') === 'hit');
  expect(hits).toHaveLength(2);
});

test('embeddings are cached by their encoding', async () => {
  const answer = (embedding: unknown) =>
    json({ object: 'list', data: [{ object: 'embedding', index: 0, embedding }], model: 'e' });
  await using upstream = await scriptedUpstream([answer('AAAA'), answer([0.5])]);
  await using gateway = await startGateway(upstream, { yaml: CACHE });
  const embed = async (encoding: string) => {
    const body = JSON.stringify({ model: 'e', input: 'hi', encoding_format: encoding });
    const headers = { 'content-type': 'application/json' };
    const response = await gateway.fetch('/v1/embeddings', { method: 'POST', headers, body });
    return ((await response.json()) as { data: { embedding: unknown }[] }).data[0]?.embedding;
  };

  expect([await embed('base64'), await embed('float'), await embed('base64')]).toEqual(['AAAA', [0.5], 'AAAA']);
});
