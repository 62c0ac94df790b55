/** What never becomes a request, or only half of one: told byte by byte. */
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../../support/gateway.ts';
import { chatCompletion, json, scriptedUpstream } from '../../support/scripted-upstream.ts';

/** Everything that comes back on a connection on which these bytes were sent, up to its end. */
function exchangeOf(gateway: TestGateway, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1', () => socket.write(bytes));
    let all = '';
    socket.setEncoding('utf8').on('data', (text: string) => (all += text));
    socket.once('close', () => resolve(all)).once('error', reject);
  });
}

const BODY = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'x' }] });
const post = (path: string, headers: readonly string[] = [], body = BODY, length = body.length) =>
  [`POST ${path} HTTP/1.1`, 'content-type: application/json', `content-length: ${length}`, ...headers, '', body].join(
    '\r\n',
  );
const HOST = 'host: localhost';
const CLOSE = 'connection: close';

describe('a refusal of the connection itself has our shape, a request id, and says that a repeat is useless', () => {
  test.each([
    ['no HTTP at all', 'HELLO\r\n\r\n', 400, 'bad_http'],
    ['two lengths', post('/v1/chat/completions', [HOST, 'transfer-encoding: chunked']), 400, 'bad_http'],
    ['no host', post('/v1/chat/completions'), 400, 'bad_http'],
    ['an unknown expectation', post('/v1/chat/completions', [HOST, 'expect: miracles']), 417, 'expectation_failed'],
    ['headers without an end', `GET / HTTP/1.1\r\nx: ${'a'.repeat(70_000)}`, 431, 'header_too_large'],
  ])('%s', async (_, bytes, status, code) => {
    await using gateway = await startGateway({ baseUrl: 'http://127.0.0.1:1/v1' });
    const answer = await exchangeOf(gateway, bytes);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toContain(`"code":"${code}"`);
    expect(answer).toMatch(/\r\nx-request-id: [\w-]{36}\r\n/);
    if (status === 400) expect(answer).toMatch(/\r\nx-should-retry: false\r\n/);
  });

  test('an upgrade keeps the client’s request id', async () => {
    await using gateway = await startGateway({ baseUrl: 'http://127.0.0.1:1/v1' });
    const upgrade = ['connection: Upgrade', 'upgrade: WebSocket', HOST, 'x-request-id: mine-1'];
    const answer = await exchangeOf(gateway, `GET /v1/responses HTTP/1.1\r\n${upgrade.join('\r\n')}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 426 /);
    expect(answer).toMatch(/\r\nx-request-id: mine-1\r\n/);
  });
});

test('an offer to upgrade to h2c, which Java’s client makes with every request, is left unanswered', async () => {
  await using upstream = await scriptedUpstream(json(chatCompletion('fine')));
  await using gateway = await startGateway(upstream);
  const offer = ['connection: Upgrade, HTTP2-Settings, close', 'upgrade: h2c', 'http2-settings: AAMAAABk', HOST];
  expect(await exchangeOf(gateway, post('/v1/chat/completions', offer))).toMatch(/^HTTP\/1\.1 200 [\s\S]*fine/);
});

describe('a request that does not arrive whole in time', () => {
  const yaml = 'server: { port: 0, request_timeout: 300ms }';

  test('is a 408 in the shape of its path', async () => {
    await using gateway = await startGateway({ baseUrl: 'http://127.0.0.1:1/v1' }, { yaml });
    const half = (path: string) => exchangeOf(gateway, post(path, [HOST, 'x-request-id: r-1'], '{', 50));
    const [chat, messages, silent] = await Promise.all([
      half('/v1/chat/completions'),
      half('/v1/messages'),
      exchangeOf(gateway, 'POST /v1/messages HTTP/1.1\r\n'),
    ]);
    for (const answer of [chat, messages, silent]) expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(chat).toContain('"code":"request_timeout"');
    expect(messages).toMatch(/\r\nx-request-id: r-1\r\n[\s\S]*\{"type":"error",/);
  });

  test('gets no second answer where it has one already', async () => {
    await using upstream = await scriptedUpstream([]);
    await using gateway = await startGateway(upstream, { yaml });
    const answer = await exchangeOf(gateway, post('/elsewhere', [HOST], '{', 50));
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 404']);
  });
});

describe('probes', () => {
  const yaml = 'plugins: [{ auth: { keys: [{ name: a, key: b }] } }]';

  test.each(['/', '/health', '/ready'])('HEAD %s needs no key, another method is a 405', async (path) => {
    await using gateway = await startGateway({ baseUrl: 'http://127.0.0.1:1/v1' }, { yaml });
    expect((await gateway.fetch(path, { method: 'HEAD' })).status).toBe(200);
    for (const method of ['POST', 'DELETE', 'OPTIONS']) {
      const body = method === 'POST' ? { body: '{', headers: { 'content-type': 'a' } } : {};
      const refused = await gateway.fetch(path, { method, ...body });
      expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
      expect(await refused.json()).toMatchObject({ error: { code: 'method_not_allowed', param: null } });
    }
  });

  test('carry a request id', async () => {
    await using gateway = await startGateway({ baseUrl: 'http://127.0.0.1:1/v1' }, { yaml });
    const { headers } = await gateway.fetch('/health', { headers: { 'x-request-id': 'mine-2' } });
    expect(headers.get('x-request-id')).toBe('mine-2');
  });
});

test('a content type that is none is a 401 for a stranger, and a 415 after that', async () => {
  await using gateway = await startGateway(
    { baseUrl: 'http://127.0.0.1:1/v1' },
    { yaml: 'plugins: [{ auth: { keys: [{ name: a, key: b }] } }]' },
  );
  const send = (headers: readonly string[]) =>
    exchangeOf(gateway, post('/v1/chat/completions', [...headers, HOST, CLOSE]).replace('application/json', ';;;'));
  expect(await send([])).toMatch(/^HTTP\/1\.1 401 /);
  expect(await send(['authorization: Bearer b'])).toMatch(/^HTTP\/1\.1 415 [\s\S]*unsupported_media_type/);
});

test('a connection on which nothing was ever said does not hold up the end', async () => {
  const gateway = await startGateway({ baseUrl: 'http://127.0.0.1:1/v1' });
  const silent = connect(Number(new URL(gateway.url).port), '127.0.0.1');
  await new Promise((resolve) => silent.once('connect', resolve));
  // An answered request: by then the server has seen the connection before it, too.
  await (await gateway.fetch('/health')).text();
  const from = performance.now();
  const closed = new Promise((resolve) => silent.once('close', resolve));
  expect(await gateway.close()).toBe(0);
  await closed;
  expect(performance.now() - from).toBeLessThan(5_000);
});
