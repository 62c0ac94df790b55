/** What the log says of a request: one line, and its id on every line, those of plugins included. */
import { expect, test } from 'vitest';
import { startGateway } from '../../support/gateway.ts';
import { chatCompletion, json, scriptedUpstream } from '../../support/scripted-upstream.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const TALKER = `import { definePlugin } from 'optigate';
export default definePlugin({ name: 'talker', description: 'Logs.', apply({ hooks, app, log }) {
  hooks.authenticate.tap('talker', ({ log }) => void log.info('arrived'));
  hooks.request.tap('talker', (exchange) => void exchange.log.info('asked'));
  hooks.finished.tap('talker', () => { throw new Error('no'); });
  app.get('/talk', { config: { public: true } }, async (request) => { request.log.info('talked'); return {}; });
} });`;

test('every line of an exchange has its request_id', async () => {
  await using folder = await tempFolder({ 'talker.ts': TALKER });
  const lines: Record<string, unknown>[] = [];
  const failing = json({ error: { message: 'no', type: 'server_error' } }, { status: 500 });
  await using upstream = await scriptedUpstream([failing, json(chatCompletion('fine'))]);
  const yaml = 'plugins: [retry: { backoff: { initial: 1ms } }, ./talker.ts]';
  await using gateway = await startGateway(upstream, { yaml, cwd: folder.path, log: (line) => lines.push(line) });
  const id = 'my-request-1';
  await (await gateway.chat({}, { 'x-request-id': id })).text();
  await expect.poll(() => lines.some(({ msg }) => msg === 'request')).toBe(true);
  const told = lines.filter(({ request_id }) => request_id === id).map(({ msg }) => msg);
  const messages = ['arrived', 'asked', 'upstream call failed, retrying', 'a tap on finished failed', 'request'];
  expect(told).toEqual(messages);
  expect(lines.find(({ msg }) => msg === 'upstream call failed, retrying')).toMatchObject({
    attempt: 1,
    wait_ms: expect.toSatisfy(Number.isInteger),
    status: 500,
  });
  expect(lines.find(({ msg }) => msg === 'request')).toMatchObject({
    operation: 'chat',
    model: 'test-model',
    upstream: 'main',
    calls: 2,
  });

  const talk = await gateway.fetch('/talk', { headers: { 'x-request-id': 'my-request-2' } });
  expect(talk.headers.get('x-request-id')).toBe('my-request-2');
  expect(lines.find(({ msg }) => msg === 'talked')).toMatchObject({ request_id: 'my-request-2' });
});

test('the start is one line that says who answers', async () => {
  const lines: Record<string, unknown>[] = [];
  const yaml = 'upstreams: { main: { base_url: "http://user:secret@127.0.0.1:9/v1", api_key: sk-x } }\nplugins: []';
  await using gateway = await startGateway(undefined, { yaml, log: (line) => lines.push(line) });
  const started = lines.filter(({ msg }) => msg === 'optigate listens');
  expect(started).toMatchObject([
    { address: gateway.url, answers: { upstream: 'main', base_url: 'http://…@127.0.0.1:9/v1', key: 'from the file' } },
  ]);
  expect(JSON.stringify(started)).not.toContain('secret');
});
