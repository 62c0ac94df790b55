/** Asking an upstream for the usage of streams, because a plugin counts tokens. */
import { expect, test } from 'vitest';
import { startGateway } from '../../support/gateway.ts';
import { events, json, scriptedUpstream, sseChunks, type ScriptedReply } from '../../support/scripted-upstream.ts';

const stream = () => events(sseChunks('a'));
const yaml =
  'plugins: [{ retry: { attempts: 2, backoff: { initial: 1ms, max: 5ms } } }, cache]\napproach_limits: { max_calls: 1 }';

async function askOnce(replies: readonly ScriptedReply[]) {
  await using upstream = await scriptedUpstream(replies);
  await using gateway = await startGateway(upstream, { yaml });
  const response = await gateway.chat({ stream: true });
  const text = await response.text();
  return { status: response.status, text, sent: upstream.requests.map((each) => each.json['stream_options']) };
}

test('an upstream that refuses the field is asked again without it, as the same call', async () => {
  const refusal = json({ error: { message: 'Unrecognized request argument: stream_options' } }, { status: 400 });
  const asked = await askOnce([refusal, stream()]);
  expect(asked).toMatchObject({ status: 200, sent: [{ include_usage: true }, undefined] });
  expect(asked.text).toContain('[DONE]');
});

test('a call that is asked for usage stays one call when it is retried', async () => {
  const asked = await askOnce([json({ error: { message: 'busy' } }, { status: 503 }), stream()]);
  expect(asked).toMatchObject({ status: 200, sent: [{ include_usage: true }, { include_usage: true }] });
  expect(asked.text).toContain('[DONE]');
});

test('a refusal that only mentions the field, and comes without it, too, teaches nothing', async () => {
  const refusal = json({ error: { message: "Unknown field 'include_usage'" } }, { status: 400 });
  const other = json({ error: { message: "Unknown field 'foo_include_usage'" } }, { status: 400 });
  await using upstream = await scriptedUpstream([refusal, refusal, other, stream()]);
  await using gateway = await startGateway(upstream, { yaml: 'plugins: [cache]' });
  for (const status of [400, 400, 200]) {
    const response = await gateway.chat({ stream: true, seed: status });
    expect(response.status).toBe(status);
    await response.text();
  }
  expect(upstream.requests.map(({ json: sent }) => sent['stream_options'] !== undefined)).toEqual([
    true,
    false,
    true,
    true,
  ]);
});
