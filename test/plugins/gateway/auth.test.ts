import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { startGateway } from '../../support/gateway.ts';
import { chatCompletion, json, scriptedUpstream } from '../../support/scripted-upstream.ts';

const reply = json(chatCompletion('fine'));

/** What the upstream was sent, or the status of the refusal. */
async function paidBy(
  auth: string,
  headers: Record<string, string>,
  upstreamKey: string | undefined = 'sk-server',
): Promise<string | number> {
  await using upstream = await scriptedUpstream(reply);
  const key = upstreamKey === undefined ? '' : `, api_key: ${upstreamKey}`;
  await using gateway = await startGateway(undefined, {
    yaml: `upstreams: { main: { base_url: "${upstream.baseUrl}"${key} } }\nplugins: [{ auth: ${auth} }]`,
  });
  const response = await gateway.chat({}, headers);
  if (response.status !== 200) return response.status;
  return upstream.requests[0]?.headers.authorization ?? 'nothing';
}

const KEYS = 'keys: [{ name: alice, key: alice-secret }]';
const access = { authorization: 'Bearer alice-secret' };
const own = { authorization: 'Bearer sk-own' };
const other = { authorization: 'Bearer something' };
const nothing = {};
const beside = { ...access, 'x-upstream-key': 'up-own' };
const alone = { 'x-upstream-key': 'up-own' };

describe('whose key pays, mode by mode', () => {
  test.each([
    ['server', KEYS, access, 'Bearer sk-server'],
    ['server', KEYS, own, 401],
    ['server', '', own, 'Bearer sk-server'],
    ['server', KEYS, other, 401],
    ['server', '', other, 'Bearer sk-server'],
    ['server', KEYS, nothing, 401],
    ['server', '', nothing, 'Bearer sk-server'],
    ['server', KEYS, beside, 'Bearer up-own'],
    ['server', '', alone, 'Bearer sk-server'],
    ['server', KEYS, alone, 401],
    ['client', KEYS, access, 401],
    ['client', KEYS, beside, 'Bearer up-own'],
    ['client', KEYS, own, 'Bearer sk-own'],
    ['client', '', own, 'Bearer sk-own'],
    ['client', '', other, 'Bearer something'],
    ['client', KEYS, other, 'Bearer something'],
    ['client', '', nothing, 401],
    ['client', KEYS, nothing, 401],
    ['client', '', alone, 'Bearer up-own'],
    ['client', KEYS, alone, 401],
    ['client_or_server', KEYS, access, 'Bearer sk-server'],
    ['client_or_server', KEYS, beside, 'Bearer up-own'],
    ['client_or_server', KEYS, own, 'Bearer sk-own'],
    ['client_or_server', '', own, 'Bearer sk-own'],
    ['client_or_server', KEYS, other, 401],
    ['client_or_server', '', other, 'Bearer sk-server'],
    ['client_or_server', KEYS, nothing, 401],
    ['client_or_server', '', nothing, 'Bearer sk-server'],
    ['client_or_server', '', alone, 'Bearer up-own'],
    ['client_or_server', KEYS, alone, 401],
  ])('%s, %s, %o: %s', async (mode, keys, headers, expected) => {
    expect(await paidBy(`{ mode: ${mode}${keys === '' ? '' : `, ${keys}`} }`, headers)).toBe(expected);
  });
});

describe('access keys', () => {
  test('may stand in the file as a digest', async () => {
    const digest = createHash('sha256').update('alice-secret').digest('hex');
    expect(await paidBy(`{ keys: [{ name: alice, key: "sha256:${digest}" }] }`, access)).toBe('Bearer sk-server');
    expect(
      await paidBy(`{ keys: [{ name: alice, key: "sha256:${digest}" }] }`, {
        authorization: `Bearer sha256:${digest}`,
      }),
    ).toBe(401);
  });

  test('are taken from x-api-key and api-key, too, and the scheme is case-insensitive', async () => {
    expect(await paidBy(`{ ${KEYS} }`, { 'x-api-key': 'alice-secret' })).toBe('Bearer sk-server');
    expect(await paidBy(`{ ${KEYS} }`, { 'api-key': 'alice-secret' })).toBe('Bearer sk-server');
    expect(await paidBy(`{ ${KEYS} }`, { authorization: 'bEaReR   alice-secret ' })).toBe('Bearer sk-server');
  });

  test('may have an upstream key of their own', async () => {
    expect(
      await paidBy('{ keys: [{ name: alice, key: alice-secret, upstream_keys: { main: sk-alices } }] }', access),
    ).toBe('Bearer sk-alices');
  });

  test('a name that is used twice, or an upstream that is not there, refuses the start', async () => {
    await expect(
      startGateway(undefined, { yaml: 'plugins: [{ auth: { keys: [{ name: a, key: x }, { name: a, key: y }] } }]' }),
    ).rejects.toThrow(/used twice/);
    await expect(
      startGateway(undefined, {
        yaml: 'plugins: [{ auth: { keys: [{ name: a, key: x, upstream_keys: { nowhere: k } }] } }]',
      }),
    ).rejects.toThrow(/no upstream 'nowhere'/);
  });

  test('restricted to models, they may use no other: 403 before any call', async () => {
    await using upstream = await scriptedUpstream(reply);
    await using gateway = await startGateway(upstream, {
      yaml: 'plugins: [{ auth: { keys: [{ name: alice, key: alice-secret, models: ["gpt-4o*"] }] } }]',
    });
    expect((await gateway.chat({ model: 'gpt-4o-mini' }, access)).status).toBe(200);
    const refused = await gateway.chat({ model: 'o3' }, access);
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({ error: { code: 'model_not_allowed', type: 'permission_error' } });
    // The default model is one like any other.
    expect((await gateway.chat({ model: null }, access)).status).toBe(403);
    expect(upstream.requests).toHaveLength(1);
  });
});

describe('a restricted key does not get past its models where the model cannot be seen', () => {
  const restricted =
    'plugins: [{ auth: { keys: [{ name: alice, key: alice-secret, models: ["gpt-4o*"], upstream_keys: { main: sk-alices } }] } }]';
  const ask = async (path: string, body: string, type: string) => {
    await using upstream = await scriptedUpstream(json({ id: 'x' }));
    await using gateway = await startGateway(upstream, { yaml: restricted });
    const headers = { ...access, 'content-type': type };
    const response = await gateway.fetch(path, { method: 'POST', headers, body });
    return { status: response.status, text: await response.text(), calls: upstream.requests.length };
  };
  const form = '--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--b--\r\n';

  test.each([
    ['/v1/audio/transcriptions', form, 'multipart/form-data; boundary=b'],
    ['/v1/moderations', '{"input":"x","model":"o3"}', 'text/plain'],
    ['/v1/moderations', '{"input":"the default model"}', 'application/json'],
    ['/v1/moderations', '[{"model":"o3"}]', 'application/json'],
    ['/v1/realtime/client_secrets', '{"session":{"model":"o3"}}', 'application/json'],
    ['/v1/batches', '{"input_file_id":"f","endpoint":"/v1/chat/completions"}', 'application/json'],
    ['/v1/filesystem', '{}', 'application/json'],
  ])('%s with %s is a 403 before any call', async (path, body, type) => {
    expect(await ask(path, body, type)).toMatchObject({
      status: 403,
      calls: 0,
      text: expect.stringMatching(/model_not_allowed/),
    });
  });

  test.each([
    ['/v1/files', form, 'multipart/form-data; boundary=b'],
    ['/v1/vector_stores', '{"name":"x"}', 'application/json'],
    ['/v1/images/generations', '{"model":"gpt-4o-image","prompt":"x"}', 'application/json'],
  ])('%s, where none runs or an allowed one, passes', async (path, body, type) => {
    expect(await ask(path, body, type)).toMatchObject({ status: 200, calls: 1 });
  });

  test('restricted to models, they may not name others for an upstream to fall back to', async () => {
    await using upstream = await scriptedUpstream(reply);
    await using gateway = await startGateway(upstream, {
      yaml: 'plugins: [{ auth: { keys: [{ name: alice, key: alice-secret, models: ["gpt-4o*"] }] } }]',
    });
    const refused = await gateway.chat({ model: 'gpt-4o', models: ['gpt-4o-mini', 'o3'] }, access);
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({ error: { message: expect.stringContaining("'o3'") } });
    expect((await gateway.chat({ model: 'gpt-4o', models: ['gpt-4o-mini'] }, access)).status).toBe(200);
    expect(upstream.requests).toHaveLength(1);
  });

  test('restricted to models, they are not answered from a shared cache either', async () => {
    await using upstream = await scriptedUpstream(reply);
    await using gateway = await startGateway(upstream, {
      yaml: 'plugins: [{ auth: { keys: [{ name: a, key: key-a }, { name: b, key: key-b, models: ["gpt-4o*"] }] } }, { cache: { scope: shared } }]',
    });
    const body = { model: 'gpt-4o', models: ['o3'] };
    expect((await gateway.chat(body, { authorization: 'Bearer key-a' })).status).toBe(200);
    expect((await gateway.chat(body, { authorization: 'Bearer key-b' })).status).toBe(403);
  });
});

describe('refusals', () => {
  test('name the upstream, the variable and the header that would each help', async () => {
    await using upstream = await scriptedUpstream(reply);
    await using gateway = await startGateway(undefined, {
      yaml: `upstreams: { main: { base_url: "${upstream.baseUrl}", api_key: "\${MAIN_KEY}" } }\nplugins: [auth]`,
    });
    const response = await gateway.chat();
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    expect(response.headers.get('x-should-retry')).toBe('false');
    const { error } = (await response.json()) as { error: { message: string } };
    expect(error.message).toMatch(/'main'/);
    expect(error.message).toMatch(/MAIN_KEY/);
    expect(error.message).toMatch(/x-upstream-key/);
  });

  test('never repeat a key', async () => {
    const lines: unknown[] = [];
    await using upstream = await scriptedUpstream(reply);
    await using gateway = await startGateway(upstream, {
      yaml: `plugins: [{ auth: { ${KEYS} } }]`,
      log: (line) => lines.push(line),
    });
    const response = await gateway.chat({}, { authorization: 'Bearer wrong-secret', 'x-upstream-key': 'up-secret' });
    expect(response.status).toBe(401);
    const told = (await response.text()) + JSON.stringify(lines) + JSON.stringify([...response.headers]);
    expect(told).not.toMatch(/wrong-secret|up-secret|alice-secret|sk-server/);
  });

  test('say whether an access key or an upstream key of one’s own would do', async () => {
    for (const [mode, helps] of [
      ['server', false],
      ['client_or_server', true],
    ] as const) {
      await using gateway = await startGateway(undefined, { yaml: `plugins: [{ auth: { mode: ${mode}, ${KEYS} } }]` });
      const text = await (await gateway.chat({}, other)).text();
      expect(text).toContain('access key');
      expect(text.includes('upstream key of your own')).toBe(helps);
    }
  });

  test('never show a key that came in the query', async () => {
    const lines: unknown[] = [];
    await using upstream = await scriptedUpstream(reply);
    await using gateway = await startGateway(upstream, { log: (line) => lines.push(line) });
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"model":"main/x"}' };
    for (const path of ['/v1/models', '/v1/messages', '/v1/%zz', '/nowhere', '/v1/moderations']) {
      const response = await gateway.fetch(`${path}?a=1&k%65y=AIza-secret`, init);
      lines.push(response.status, await response.text(), [...response.headers]);
    }
    expect(upstream.requests.map(({ path }) => path)).toEqual(['/v1/moderations?a=1']);
    expect(JSON.stringify(lines)).not.toContain('AIza-secret');
  });

  test('a host beyond loopback needs access keys, or auth.open', async () => {
    const open = (auth: string) =>
      startGateway(undefined, { yaml: `server: { port: 0, host: 0.0.0.0 }\nplugins: [${auth}]` });
    await expect(open('auth')).rejects.toThrow(/access keys/);
    await expect(startGateway(undefined, { yaml: 'server: { port: 0, host: 0.0.0.0 }' })).rejects.toThrow(
      /access keys/,
    );
    await (await open('{ auth: { open: true } }')).close();
    await (await open(`{ auth: { ${KEYS} } }`)).close();
  });
});

describe('what is stored at the provider', () => {
  const share = 'plugins: [{ auth: { stored_objects: share, keys: [{ name: alice, key: alice-secret }] } }]';
  const refuse = 'plugins: [{ auth: { keys: [{ name: alice, key: alice-secret }] } }]';

  test("is refused to holders of access keys whom the server's key pays for", async () => {
    await using upstream = await scriptedUpstream(json({ ok: true }));
    await using gateway = await startGateway(upstream, { yaml: refuse });
    for (const [method, path] of [
      ['GET', '/v1/files'],
      ['GET', '/v1/responses/resp_1'],
      ['DELETE', '/v1/models/ft:x'],
      ['POST', '/v1/threads'],
      ['GET', '/v1/something-new'],
    ] as const) {
      const response = await gateway.fetch(path, { method, headers: access });
      expect(response.status, path).toBe(404);
      expect(await response.text()).toMatch(/stored/);
    }
    expect(upstream.requests).toHaveLength(0);
  });

  test('passes with a key of their own, and calls that keep nothing always do', async () => {
    await using upstream = await scriptedUpstream(json({ ok: true }));
    await using gateway = await startGateway(upstream, { yaml: refuse });
    expect((await gateway.fetch('/v1/files', { headers: beside })).status).toBe(200);
    const body = JSON.stringify({ input: 'x', model: 'm' });
    const init = { method: 'POST', body, headers: { ...access, 'content-type': 'application/json' } };
    expect((await gateway.fetch('/v1/moderations', init)).status).toBe(200);
    expect((await gateway.fetch('/v1/audio/speech', init)).status).toBe(200);
  });

  test('passes where it is shared, and where there are no access keys', async () => {
    await using upstream = await scriptedUpstream(json({ ok: true }));
    await using sharing = await startGateway(upstream, { yaml: share });
    expect((await sharing.fetch('/v1/files', { headers: access })).status).toBe(200);
    await using keyless = await startGateway(upstream, { yaml: 'plugins: [auth]' });
    expect((await keyless.fetch('/v1/files')).status).toBe(200);
  });
});

test('without any plugin that authenticates a loopback server serves its own machine', async () => {
  await using upstream = await scriptedUpstream(reply);
  await using gateway = await startGateway(upstream);
  expect((await gateway.chat({}, own)).status).toBe(200);
  expect(upstream.requests[0]?.headers.authorization).toBe('Bearer sk-server');
});

test('blanks and line breaks around configured keys are cut off', async () => {
  await using upstream = await scriptedUpstream(json(chatCompletion('hi')));
  await using gateway = await startGateway(upstream, {
    yaml: 'plugins: [{ auth: { keys: [{ name: a, key: "${ACCESS}", upstream_keys: { main: "${OWN}" } }] } }]',
    env: { ACCESS: 'alice-secret\n', OWN: ' sk-alice\r\n' },
  });
  expect((await gateway.chat({}, { authorization: 'Bearer alice-secret' })).status).toBe(200);
  expect(upstream.requests[0]?.headers.authorization).toBe('Bearer sk-alice');
});
