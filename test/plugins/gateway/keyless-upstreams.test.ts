/** Upstreams that ask for no key, where access keys say who may come in. */
import { expect, test } from 'vitest';
import { startGateway } from '../../support/gateway.ts';
import { chatCompletion, json, scriptedUpstream } from '../../support/scripted-upstream.ts';

const KEYS = 'keys: [{ name: alice, key: alice-secret }]';

test.each(['client', 'client_or_server'])('in mode %s no key but an access key leads to one', async (mode) => {
  await using upstream = await scriptedUpstream(() => json(chatCompletion('fine')));
  await using gateway = await startGateway(undefined, {
    yaml: `upstreams: { main: { base_url: "${upstream.baseUrl}", api_key: sk-server }, local: { base_url: "${upstream.baseUrl}", api_key: none } }
plugins: [{ auth: { mode: ${mode}, ${KEYS} } }]`,
  });
  const junk = { authorization: 'Bearer sk-junk' };
  const refused = await gateway.chat({ model: 'local/m' }, junk);
  expect([refused.status, await refused.text()]).toEqual([401, expect.stringContaining('access key')]);
  const elsewhere = { ...junk, 'x-upstream-key': 'sk-more' };
  expect((await gateway.chat({ model: 'local/m' }, elsewhere)).status).toBe(401);
  expect((await gateway.chat({ model: 'm' }, junk)).status).toBe(200);
  const holder = { authorization: 'Bearer alice-secret', 'x-upstream-key': 'sk-alices' };
  expect((await gateway.chat({ model: 'local/m' }, holder)).status).toBe(200);
  expect(upstream.requests).toHaveLength(2);
});

test('one that is the only upstream refuses every path, and gets no key from the server', async () => {
  await using upstream = await scriptedUpstream(() => json(chatCompletion('fine')));
  await using gateway = await startGateway(undefined, {
    yaml: `upstreams: { local: { base_url: "${upstream.baseUrl}", api_key: none } }\nplugins: [{ auth: { ${KEYS} } }]`,
  });
  const junk = { authorization: 'Bearer sk-junk', 'content-type': 'application/json' };
  for (const path of ['/v1/models', '/v1/admin/delete', '/v1/files'])
    expect((await gateway.fetch(path, { headers: junk })).status, path).toBe(401);
  expect((await gateway.chat({}, junk)).status).toBe(401);
  expect((await gateway.chat({}, { authorization: 'Bearer alice-secret' })).status).toBe(200);
  expect(upstream.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
});

test('a key of more than 8 KB is a 401', async () => {
  await using upstream = await scriptedUpstream(() => json(chatCompletion('fine')));
  await using gateway = await startGateway(upstream, { yaml: 'plugins: [auth]' });
  const long = `sk-${'x'.repeat(8_192)}`;
  expect((await gateway.chat({}, { authorization: `Bearer ${long}` })).status).toBe(401);
  expect((await gateway.chat({}, { 'x-upstream-key': long })).status).toBe(401);
  expect((await gateway.chat({}, { authorization: `Bearer ${long.slice(0, 8_192)}` })).status).toBe(200);
});

test('while the demo serves callers without a key, a placeholder is none at a provider’s own address', async () => {
  await using upstream = await scriptedUpstream(() => json(chatCompletion('fine')));
  await using gateway = await startGateway(undefined, {
    yaml: `autodetect: true
upstreams: { openai: {}, own: { base_url: "${upstream.baseUrl}" } }
plugins: [auth]`,
  });
  const key = { authorization: 'Bearer sk-1234' };
  const served = await gateway.chat({ model: 'gpt-4o' }, key);
  expect(['demo', 'local']).toContain(served.headers.get('x-optigate-upstream'));
  expect((await gateway.fetch('/v1/models', { headers: key })).status).toBe(200);
  expect((await gateway.chat({ model: 'own/m' }, key)).status).toBe(200);
  expect(upstream.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer sk-1234']);
});
