/** `n` on wires whose answers are not joined: the upstream's bytes pass as they came, in one call. */
import { expect, test } from 'vitest';
import { startGateway } from '../../support/gateway.ts';
import { events, scriptedUpstream } from '../../support/scripted-upstream.ts';

test('chunks of text completions with n pass as they came', async () => {
  const chunks = [
    'data: {"id":"c","choices":[{"index":0,"text":"a","finish_reason":"stop"}]}\n\n',
    'data: {"id":"c","choices":[{"index":1,"text":"b","finish_reason":"stop"}]}\n\n',
    'data: [DONE]\n\n',
  ];
  await using upstream = await scriptedUpstream([events(chunks)]);
  await using gateway = await startGateway(upstream);
  const response = await gateway.fetch('/v1/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'fresh', prompt: 'Hi', stream: true, n: 2 }),
  });
  expect(await response.text()).toBe(chunks.join(''));
});

test('events of Messages pass as they came, whatever n says', async () => {
  const sent = [
    'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant","content":[]}}\n\n',
    'event: message_stop\ndata: {"type":"message_stop"}\n\n',
  ];
  await using upstream = await scriptedUpstream([events(sent)]);
  const yaml = `plugins: []\nupstreams: { ant: { provider: anthropic, base_url: "${upstream.baseUrl}", api_key: sk-a } }`;
  await using gateway = await startGateway(undefined, { yaml });
  const response = await gateway.fetch('/v1/messages', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01' },
    body: JSON.stringify({
      model: 'm',
      max_tokens: 5,
      messages: [{ role: 'user', content: 'Hi' }],
      stream: true,
      n: 2,
    }),
  });
  expect(await response.text()).toBe(sent.join(''));
});
