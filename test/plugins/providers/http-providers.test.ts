import { expect, test } from 'vitest';
import type { Provider } from '../../../core/upstream/provider.ts';
import type { Plugin } from '../../../core/plugin/define.ts';
import anthropicPlugin from '../../../plugins/providers/anthropic.ts';
import openaiPlugin from '../../../plugins/providers/openai.ts';
import { startGateway } from '../../support/gateway.ts';
import { chatCompletion, json, scriptedUpstream, text } from '../../support/scripted-upstream.ts';
import { testTransport } from '../../support/transport.ts';
import { callTo, upstreamAt, type CallOptions } from '../../support/upstream-call.ts';

/** What a provider plugin adds when it is applied. */
async function providerOf(plugin: Plugin): Promise<Provider> {
  const added: Provider[] = [];
  const context = { providers: { add: (provider: Provider) => void added.push(provider) } };
  await plugin({} as never, { context: context as never, options: {} });
  const [provider] = added;
  if (!provider) throw new Error('no provider was added');
  return provider;
}

async function sent(plugin: Plugin, options: CallOptions) {
  const provider = await providerOf(plugin);
  await using upstream = await scriptedUpstream(json(chatCompletion('a')));
  await using transport = testTransport();
  await provider.send(callTo(upstreamAt(upstream.baseUrl, { provider }), options), transport);
  const [request] = upstream.requests;
  if (!request) throw new Error('nothing was sent');
  return request;
}

test.each([
  ['chat', '/v1/chat/completions'],
  ['completions', '/v1/completions'],
  ['embeddings', '/v1/embeddings'],
  ['responses', '/v1/responses'],
] as const)('openai: %s goes to %s with a bearer, its bytes unchanged', async (operation, path) => {
  const body = Buffer.from('{"model": "m", "seed":9007199254740993}');
  const request = await sent(openaiPlugin, { operation, path, body });
  expect(request).toMatchObject({ method: 'POST', path });
  expect(request.headers).toMatchObject({
    authorization: 'Bearer sk-server',
    'content-type': 'application/json',
    'accept-encoding': 'identity',
  });
  expect(request.body.equals(body)).toBe(true);
});

test('openai: other paths keep method and query, but never a key in it', async () => {
  const other = { operation: 'other', body: Buffer.alloc(0) } as const;
  const get = await sent(openaiPlugin, { ...other, method: 'GET', path: '/v1/files?limit=2&after=a%2Fb' });
  expect(get).toMatchObject({ method: 'GET', path: '/v1/files?limit=2&after=a%2Fb' });
  expect(get.headers).not.toHaveProperty('content-type');
  const remove = await sent(openaiPlugin, { ...other, method: 'DELETE', path: '/v1/responses/r_1?key=AIzaX' });
  expect(remove).toMatchObject({ method: 'DELETE', path: '/v1/responses/r_1' });
  const chat = await sent(openaiPlugin, { path: '/v1/chat/completions?api-version=1&key=AIzaX' });
  expect(chat.path).toBe('/v1/chat/completions?api-version=1');
});

test('openai: an upload keeps its type, boundary and all', async () => {
  const upload = {
    contentType: 'multipart/form-data; boundary=Xy',
    contentLength: undefined,
    isStarted: false,
    body: (async function* read() {
      yield await Promise.resolve(Buffer.from('--Xy--'));
    })(),
  };
  const request = await sent(openaiPlugin, { operation: 'other', path: '/v1/files', upload });
  expect(request.headers['content-type']).toBe('multipart/form-data; boundary=Xy');
  expect(request.body.toString()).toBe('--Xy--');
});

test('anthropic: x-api-key, the client’s version and betas, else a version of our own', async () => {
  const messages = { operation: 'messages', path: '/v1/messages?beta=true' } as const;
  const own = await sent(anthropicPlugin, messages);
  expect(own.path).toBe('/v1/messages?beta=true');
  expect(own.headers).toMatchObject({ 'x-api-key': 'sk-server', 'anthropic-version': '2023-06-01' });
  expect(own.headers).not.toHaveProperty('authorization');
  const headers = { 'anthropic-version': '2024-01-01', 'anthropic-beta': 'a,b' };
  const theirs = await sent(anthropicPlugin, { ...messages, headers });
  expect(theirs.headers).toMatchObject(headers);
  const count = await sent(anthropicPlugin, { operation: 'messages', path: '/v1/messages/count_tokens' });
  expect(count.path).toBe('/v1/messages/count_tokens');
});

test('both list models with the server’s key; a refusal is an error', async () => {
  await using upstream = await scriptedUpstream([
    json({ data: [{ id: 'a' }] }),
    json({ data: [{ id: 'claude', type: 'model' }] }),
    text('no', { status: 401 }),
  ]);
  await using transport = testTransport();
  const to = upstreamAt(upstream.baseUrl);
  const ask = { transport, call: undefined, signal: new AbortController().signal };
  const [openai, anthropic] = await Promise.all([providerOf(openaiPlugin), providerOf(anthropicPlugin)]);
  expect(await openai.models(to, ask)).toEqual([{ id: 'a' }]);
  expect(await anthropic.models(to, ask)).toEqual([{ id: 'claude', type: 'model' }]);
  await expect(openai.models(to, ask)).rejects.toThrow('401');
  expect(upstream.requests.map(({ path }) => path)).toEqual(['/v1/models', '/v1/models?limit=1000', '/v1/models']);
});

test('a key of the caller travels in the header in which it came, where the API knows that header', async () => {
  const answer = { type: 'message', content: [], usage: { input_tokens: 1, output_tokens: 1 } };
  await using upstream = await scriptedUpstream(({ path }) =>
    json(path.startsWith('/v1/models') ? { data: [] } : path === '/v1/messages' ? answer : chatCompletion('hi')),
  );
  const { baseUrl } = upstream;
  await using gateway = await startGateway(undefined, {
    yaml: `upstreams:
  claude: { provider: anthropic, base_url: "${baseUrl}", api_key: sk-server }
  openai: { base_url: "${baseUrl}", api_key: sk-server }
plugins: [auth]`,
  });
  const paid = async (path: string, headers: Record<string, string>, body?: object) => {
    await gateway.fetch(path, {
      headers: { 'content-type': 'application/json', ...headers },
      ...(body ? { method: 'POST', body: JSON.stringify(body) } : {}),
    });
    // A list of models is asked of both upstreams: Anthropic's has a limit.
    const sent = upstream.requests.findLast((request) => body ?? request.path.includes('limit='))!.headers;
    return sent.authorization ?? `x-api-key ${String(sent['x-api-key'])}`;
  };
  const messages = { model: 'claude', max_tokens: 1, messages: [{ role: 'user', content: 'Hi' }] };
  const bearer = { authorization: 'Bearer sk-ant-oat01-token' };
  expect(await paid('/v1/messages', bearer, messages)).toBe('Bearer sk-ant-oat01-token');
  expect(await paid('/v1/messages', { 'x-api-key': 'sk-ant-1' }, messages)).toBe('x-api-key sk-ant-1');
  expect(await paid('/v1/messages', { ...bearer, 'x-api-key': 'sk-ant-1' }, messages)).toBe('x-api-key sk-ant-1');
  expect(await paid('/v1/messages', { 'x-upstream-key': 'sk-ant-2' }, messages)).toBe('x-api-key sk-ant-2');
  expect(await paid('/v1/messages', {}, messages)).toBe('x-api-key sk-server');
  expect(await paid('/v1/models', { ...bearer, 'anthropic-version': '2023-06-01' })).toBe('Bearer sk-ant-oat01-token');
  const chat = { ...messages, model: 'openai/gpt' };
  expect(await paid('/v1/chat/completions', { 'x-api-key': 'sk-own' }, chat)).toBe('Bearer sk-own');
  expect(await paid('/v1/chat/completions', { authorization: 'Bearer sk-own' }, chat)).toBe('Bearer sk-own');
});
