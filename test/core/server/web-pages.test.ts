/** Web pages of other sites, which a browser lets call a server on its own machine. */
import { request } from 'node:http';
import { expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../../support/gateway.ts';
import { chatCompletion, json, scriptedUpstream } from '../../support/scripted-upstream.ts';

const EVIL = 'https://evil.example';

/** A request with headers that `fetch` would not send. */
async function send(gateway: TestGateway, path: string, headers: Record<string, string>, method = 'GET', body = '') {
  return new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; text: string }>((resolve, reject) => {
    const sent = request(`${gateway.url}${path}`, { method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    sent.on('error', reject).end(body);
  });
}

const CHAT = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }] });
const chatFrom = async (gateway: TestGateway, headers: Record<string, string>) =>
  send(gateway, '/v1/chat/completions', { 'content-type': 'application/json', ...headers }, 'POST', CHAT);

test('where nobody authenticates, pages of others and names that lead here by chance are a 403', async () => {
  await using upstream = await scriptedUpstream(() => json(chatCompletion('fine')));
  await using gateway = await startGateway(upstream, { yaml: 'plugins: [auth]' });
  const own = gateway.url;
  const status = async (headers: Record<string, string>) => (await chatFrom(gateway, headers)).status;

  expect(await status({ origin: EVIL })).toBe(403);
  expect(await status({ origin: 'null' })).toBe(403);
  expect(await status({ origin: `${own}0` })).toBe(403);
  expect(await status({ origin: own.replace('http:', 'https:') })).toBe(403);
  expect(await status({ 'sec-fetch-site': 'cross-site' })).toBe(403);
  expect(await status({ host: 'evil.example:8000' })).toBe(403);
  expect(await status({ host: '127.0.0.1.evil.example' })).toBe(403);
  expect(await status({ host: '[::1].evil.example' })).toBe(403);
  expect(upstream.requests).toHaveLength(0);

  const port = new URL(own).port;
  expect(await status({ origin: own, 'sec-fetch-site': 'same-origin' })).toBe(200);
  expect(await status({ host: `localhost:${port}`, origin: `http://localhost:${port}` })).toBe(200);
  for (const host of ['LOCALHOST.', 'app.localhost:1', '[::1]:8000', '192.168.0.7:8000'])
    expect(await status({ host }), host).toBe(200);
  const { status: refused, text } = await chatFrom(gateway, { host: 'box.lan' });
  expect([refused, text]).toEqual([403, expect.stringContaining('server.allowed_hosts')]);
});

test('an upload by a form, which needs no preflight, is refused like any other, and probes and links are not', async () => {
  await using upstream = await scriptedUpstream(() => json({}));
  await using gateway = await startGateway(upstream);
  const form = { origin: EVIL, 'content-type': 'multipart/form-data; boundary=b' };
  const refused = await send(gateway, '/v1/files', form, 'POST', '--b--');
  expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('server.cors')]);
  expect((await send(gateway, '/health', { origin: EVIL, host: 'evil.example' })).status).toBe(200);
  const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
  expect((await send(gateway, '/', link)).status).toBe(200);
  expect((await send(gateway, '/v1/models', link)).status).toBe(403);
  expect((await send(gateway, '/', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' })).status).toBe(403);
});

test('names under server.allowed_hosts and origins under server.cors are let in', async () => {
  await using upstream = await scriptedUpstream(() =>
    json(chatCompletion('fine'), { headers: { 'access-control-allow-origin': '*' } }),
  );
  await using gateway = await startGateway(upstream, {
    yaml: 'server: { port: 0, allowed_hosts: ["*.lan"], cors: ["https://app.example"] }',
  });
  expect((await chatFrom(gateway, { host: 'box.LAN:8000' })).status).toBe(200);
  const allowed = await chatFrom(gateway, { origin: 'https://app.example' });
  expect(allowed.status).toBe(200);
  expect(allowed.headers['access-control-allow-origin']).toBe('https://app.example');
  expect(allowed.headers['access-control-expose-headers']).toContain('x-optigate-approach');
  const error = await send(gateway, '/v1/chat/completions', { origin: 'https://app.example' });
  expect([error.status, error.headers['access-control-allow-origin']]).toEqual([405, 'https://app.example']);
  expect((await chatFrom(gateway, { origin: 'https://app.example.evil' })).status).toBe(403);
});

test.each(['auth', '{ auth: { keys: [{ name: alice, key: alice-secret }] } }'])(
  'preflights are answered here, whether or not callers authenticate (%s)',
  async (auth) => {
    await using upstream = await scriptedUpstream(() => json(chatCompletion('fine')));
    await using gateway = await startGateway(upstream, {
      yaml: `server: { port: 0, cors: ["https://app.example"] }\nplugins: [${auth}]`,
    });
    const preflight = async (origin: string) =>
      send(
        gateway,
        '/v1/chat/completions',
        { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization, x-a' },
        'OPTIONS',
      );
    const answer = await preflight('https://app.example');
    expect(answer.status).toBe(204);
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': 'https://app.example',
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'authorization, x-a',
    });
    expect((await preflight(EVIL)).status).toBe(403);
    expect(upstream.requests).toHaveLength(0);
  },
);

test('where callers authenticate, neither names nor origins matter', async () => {
  await using upstream = await scriptedUpstream(() => json(chatCompletion('fine')));
  await using gateway = await startGateway(upstream, {
    yaml: 'plugins: [{ auth: { keys: [{ name: alice, key: alice-secret }] } }]',
  });
  const headers = { origin: EVIL, host: 'proxy.example', authorization: 'Bearer alice-secret' };
  const answer = await chatFrom(gateway, headers);
  expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([200, undefined]);
});
