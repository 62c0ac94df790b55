import { request } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { startGateway } from '../../support/gateway.ts';
import { chatCompletion, json, rules, scriptedUpstream, text } from '../../support/scripted-upstream.ts';

interface ErrorBody {
  error: { message: string; type: string; param: string | null; code: string | null };
}

const post = (body: string | Buffer, type = 'application/json') => ({
  method: 'POST',
  headers: { 'content-type': type },
  body,
});

describe('probes need no key', () => {
  const locked = 'plugins: [{ auth: { keys: [{ name: a, key: b }] } }]';

  test('GET and HEAD /, /health, /ready', async () => {
    await using gateway = await startGateway({ baseUrl: 'http://127.0.0.1:1/v1' }, { yaml: locked });
    expect((await gateway.fetch('/')).status).toBe(200);
    expect((await gateway.fetch('/', { method: 'HEAD' })).status).toBe(200);
    expect(await (await gateway.fetch('/health')).json()).toEqual({ status: 'ok' });
    expect(await (await gateway.fetch('/ready')).json()).toMatchObject({ status: 'ready', checks: {} });
    const page = await gateway.fetch('/', { headers: { accept: 'text/html' } });
    expect(page.headers.get('content-type')).toMatch(/text\/html/);
    expect(await page.text()).toMatch(/optigate/);
  });

  test('an upgrade is a 426 at once, with an error body', async () => {
    await using gateway = await startGateway({ baseUrl: 'http://127.0.0.1:1/v1' }, { yaml: locked });
    const { port } = new URL(gateway.url);
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), '127.0.0.1', () => {
        socket.write(
          `GET /v1/responses HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: a\r\nsec-websocket-version: 13\r\n\r\n`,
        );
      });
      let all = '';
      socket.on('data', (chunk) => (all += chunk.toString()));
      socket.on('end', () => resolve(all));
      socket.on('error', reject);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 426 /);
    expect(answer).toMatch(/upgrade_not_supported/);
  });

  test('everything else does: 401 for a stranger, also on unknown paths', async () => {
    await using gateway = await startGateway({ baseUrl: 'http://127.0.0.1:1/v1' }, { yaml: locked });
    for (const path of ['/v1/models', '/v1/chat/completions', '/v1/files', '/nowhere', '/v1//chat/completions']) {
      expect((await gateway.fetch(path)).status, path).toBe(401);
    }
  });
});

describe('errors have one shape', () => {
  test.each([
    ['/v1/chat/completions', post('{'), 400, 'invalid_json'],
    ['/v1/chat/completions', post('{"model":"m"}'), 400, 'missing_required_parameter'],
    ['/v1/chat/completions', post('{"model":"m","messages":[]}'), 400, 'invalid_value'],
    ['/v1/chat/completions', post('{"model":"m","model":"n","messages":[]}'), 400, 'invalid_value'],
    ['/v1/chat/completions', post('a=b', 'application/x-www-form-urlencoded'), 415, 'unsupported_media_type'],
    ['/v1/chat/completions', { method: 'GET' }, 405, 'method_not_allowed'],
    ['/v1/chat/completions/', post('{}'), 404, 'unknown_url'],
    ['/v1//chat/completions', post('{}'), 404, 'unknown_url'],
    ['/elsewhere', post('{}'), 404, 'unknown_url'],
    ['/v1/models', { method: 'POST' }, 405, 'method_not_allowed'],
    ['/v1/embeddings', post('{"input":"x"}'), 400, 'missing_required_parameter'],
  ])('%s %o: %i %s', async (path, init, status, code) => {
    await using upstream = await scriptedUpstream([]);
    await using gateway = await startGateway(upstream);
    const response = await gateway.fetch(path, init);
    const { error } = (await response.json()) as ErrorBody;
    expect([response.status, error.code]).toEqual([status, code]);
    expect(Object.keys(error).toSorted()).toEqual(['code', 'message', 'param', 'type']);
    expect(response.headers.get('x-request-id')).toBeTruthy();
    expect(response.headers.get('x-should-retry')).toBe('false');
    if (status === 405) expect(response.headers.get('allow')).toBeTruthy();
  });

  test('paths of Anthropic’s wire get its shape', async () => {
    await using upstream = await scriptedUpstream([]);
    await using gateway = await startGateway(upstream);
    const response = await gateway.fetch('/v1/messages', post('{"model":"m","max_tokens":1,"messages":[]}'));
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({
      type: 'error',
      error: { type: 'not_found_error', message: expect.stringMatching(/anthropic/i) },
    });
    expect(response.headers.get('request-id')).toBeTruthy();
  });

  test('a body over the limit is refused before it is read whole', async () => {
    await using upstream = await scriptedUpstream([]);
    await using gateway = await startGateway(upstream, { yaml: 'server: { port: 0, body_limit: 1kb }' });
    const response = await gateway.fetch(
      '/v1/chat/completions',
      post(`{"model":"m","messages":["${'x'.repeat(2_000)}"]}`),
    );
    expect(response.status).toBe(413);
  });

  test('a dead upstream is a 502 that tells nothing of its address', async () => {
    await using gateway = await startGateway({ baseUrl: 'http://127.0.0.1:1/v1' });
    const response = await gateway.chat();
    expect(response.status).toBe(502);
    const body = await response.text();
    expect(body).toMatch(/'main'/);
    expect(body).not.toMatch(/127\.0\.0\.1|:1\b/);
  });

  test('an upstream’s own error passes with its status and body', async () => {
    const body =
      '{"error": {"message":"slow down","type":"tokens","param":null,"code":"rate_limit_exceeded"}, "extra":1.0}';
    await using upstream = await scriptedUpstream(
      text(body, { status: 429, headers: { 'content-type': 'application/json', 'retry-after': '7' } }),
    );
    await using gateway = await startGateway(upstream);
    const response = await gateway.chat();
    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toBe('7');
    expect(await response.text()).toBe(body);
  });

  test('broken HTTP is answered in our shape, and the connection closed', async () => {
    await using gateway = await startGateway({ baseUrl: 'http://127.0.0.1:1/v1' });
    const { port } = new URL(gateway.url);
    const ask = (raw: string) =>
      new Promise<string>((resolve, reject) => {
        const socket = connect(Number(port), '127.0.0.1', () => socket.write(raw));
        let all = '';
        socket.on('data', (chunk) => (all += chunk.toString()));
        socket.on('close', () => resolve(all));
        socket.on('error', reject);
      });
    expect(
      await ask(
        'POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n',
      ),
    ).toMatch(/^HTTP\/1\.1 400 [\s\S]*"error"/);
    expect(await ask(`GET / HTTP/1.1\r\nhost: x\r\nx-big: ${'a'.repeat(100_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 431 [\s\S]*"error"/,
    );
  });

  test('a broken escape in the path is a 4xx in our shape', async () => {
    await using gateway = await startGateway({ baseUrl: 'http://127.0.0.1:1/v1' });
    const { port } = new URL(gateway.url);
    const status = await new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
      request({ port, path: '/v1/%zz', host: '127.0.0.1' }, (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('end', () => resolve({ status: response.statusCode, body }));
      })
        .on('error', reject)
        .end();
    });
    expect([400, 404]).toContain(status.status);
    expect(JSON.parse(status.body)).toHaveProperty('error.message');
  });
});

describe('models', () => {
  const list = (...ids: string[]) =>
    json({ object: 'list', data: ids.map((id) => ({ id, object: 'model', created: 5, owned_by: 'x' })) });
  const two = (a: { baseUrl: string }, b: { baseUrl: string }) =>
    `upstreams: { a: { base_url: "${a.baseUrl}", api_key: ka }, b: { base_url: "${b.baseUrl}", api_key: kb } }`;

  test('are merged, each under a name that reaches it', async () => {
    await using a = await scriptedUpstream(
      rules([{ path: '/v1/models', reply: list('m1', 'b/odd') }, { reply: json(chatCompletion('from a')) }]),
    );
    await using b = await scriptedUpstream(
      rules([{ path: '/v1/models', reply: list('m2') }, { reply: json(chatCompletion('from b')) }]),
    );
    await using gateway = await startGateway(undefined, { yaml: two(a, b) });
    const { data } = (await (await gateway.fetch('/v1/models')).json()) as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).toEqual(['m1', 'a/b/odd', 'b/m2']);
    expect(await (await gateway.chat({ model: 'b/m2' })).text()).toMatch(/from b/);
    expect(b.requests.at(-1)?.json['model']).toBe('m2');
    await gateway.chat({ model: 'a/b/odd' });
    expect(a.requests.at(-1)?.json['model']).toBe('b/odd');
  });

  test('one dead upstream does not hide the others', async () => {
    await using a = await scriptedUpstream(rules([{ path: '/v1/models', reply: list('m1') }]));
    await using gateway = await startGateway(undefined, { yaml: two(a, { baseUrl: 'http://127.0.0.1:1/v1' }) });
    const { data } = (await (await gateway.fetch('/v1/models')).json()) as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).toEqual(['m1']);
  });

  test('one by its id, slashes and all; 404 for others', async () => {
    await using a = await scriptedUpstream(rules([{ path: '/v1/models', reply: list('org/m:1') }]));
    await using gateway = await startGateway(a);
    expect(await (await gateway.fetch('/v1/models/org/m:1')).json()).toMatchObject({ id: 'org/m:1', object: 'model' });
    expect(await (await gateway.fetch('/v1/models/org%2Fm:1')).json()).toMatchObject({ id: 'org/m:1' });
    const missing = await gateway.fetch('/v1/models/none');
    expect(missing.status).toBe(404);
    expect(await missing.json()).toMatchObject({ error: { code: 'model_not_found' } });
  });

  test('in Codex’s and in Anthropic’s shape', async () => {
    await using a = await scriptedUpstream(rules([{ path: /^\/v1\/models/, reply: list('m1') }]));
    await using gateway = await startGateway(a);
    expect(await (await gateway.fetch('/v1/models?client_version=1.2.3')).json()).toMatchObject({
      models: [{ id: 'm1' }],
    });
    expect(
      await (await gateway.fetch('/v1/models', { headers: { 'anthropic-version': '2023-06-01' } })).json(),
    ).toMatchObject({
      data: [{ type: 'model', id: 'm1' }],
      has_more: false,
      first_id: 'm1',
      last_id: 'm1',
    });
  });

  test('show only what the key may use', async () => {
    await using a = await scriptedUpstream(rules([{ path: '/v1/models', reply: list('m1', 'secret') }]));
    await using gateway = await startGateway(a, {
      yaml: 'plugins: [{ auth: { keys: [{ name: x, key: kx, models: ["m*"] }] } }]',
    });
    const headers = { authorization: 'Bearer kx' };
    const { data } = (await (await gateway.fetch('/v1/models', { headers })).json()) as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).toEqual(['m1']);
    expect((await gateway.fetch('/v1/models/secret', { headers })).status).toBe(403);
    expect((await gateway.fetch('/v1/models/missing', { headers })).status).toBe(404);
  });

  test('are found under the names by which requests reach them', async () => {
    const lists = { a: list('gpt-4o'), b: list('claude-1') };
    await using a = await scriptedUpstream(rules([{ path: '/v1/models', reply: lists.a }]));
    await using b = await scriptedUpstream(rules([{ path: '/v1/models?limit=1000', reply: lists.b }]));
    await using gateway = await startGateway(a, {
      yaml: `upstreams: { main: { base_url: "${a.baseUrl}", api_key: k }, claude: { provider: anthropic, base_url: "${b.baseUrl}", api_key: k } }
plugins: [bon, re2]`,
    });
    const one = async (id: string, headers: Record<string, string> = {}) => {
      const response = await gateway.fetch(`/v1/models/${id}`, { headers });
      return [response.status, await response.json()];
    };
    expect(await one('re2&bon-gpt-4o')).toMatchObject([200, { id: 're2&bon-gpt-4o', object: 'model' }]);
    expect(await one('bon-nothing')).toMatchObject([404, { error: { code: 'model_not_found' } }]);
    const anthropic = { 'anthropic-version': '2023-06-01' };
    expect(await one('claude-1', anthropic)).toMatchObject([200, { type: 'model' }]);
    expect(await one('claude/claude-1', anthropic)).toMatchObject([200, { type: 'model', id: 'claude/claude-1' }]);
    expect(await one('missing', anthropic)).toMatchObject([404, { type: 'error', error: { type: 'not_found_error' } }]);
  });

  test('of a client with a key of its own are asked for with that key', async () => {
    await using a = await scriptedUpstream(rules([{ path: '/v1/models', reply: list('m1') }]));
    await using gateway = await startGateway(a, { yaml: 'plugins: [auth]' });
    await gateway.fetch('/v1/models', { headers: { authorization: 'Bearer sk-own' } });
    expect(a.requests[0]?.headers.authorization).toBe('Bearer sk-own');
  });
});
