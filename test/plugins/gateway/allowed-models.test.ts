/** Ways around an access key's list of models. */
import { describe, expect, test } from 'vitest';
import { startGateway } from '../../support/gateway.ts';
import { chatCompletion, json, scriptedUpstream } from '../../support/scripted-upstream.ts';

const RESTRICTED =
  'plugins: [{ auth: { stored_objects: share, keys: [{ name: alice, key: alice-secret, models: ["ok*"] }] } }]';

async function ask(path: string, body: object | string, method = 'POST') {
  await using upstream = await scriptedUpstream(() => json(chatCompletion('fine')));
  await using gateway = await startGateway(upstream, { yaml: RESTRICTED });
  const response = await gateway.fetch(path, {
    method,
    headers: { authorization: 'Bearer alice-secret', 'content-type': 'application/json' },
    ...(method === 'POST' ? { body: typeof body === 'string' ? body : JSON.stringify(body) } : {}),
  });
  return [response.status, upstream.requests.length];
}

const CHAT = { model: 'ok-1', messages: [{ role: 'user', content: 'hi' }] };

describe('a model that the key may not use is a 403 before any call', () => {
  test.each([
    ['in the query', '/v1/chat/completions?model=o3', CHAT],
    ['in the query, escaped', '/v1/chat/completions?m%6fdel=o3', CHAT],
    ['in a query of indices', '/v1/chat/completions?model[0]=o3', CHAT],
    ['in a query with semicolons', '/v1/chat/completions?a=1;model=o3', CHAT],
    ['in models', '/v1/chat/completions', { ...CHAT, models: ['ok-2', 'o3'] }],
    ['in fallbacks', '/v1/chat/completions', { ...CHAT, fallbacks: [{ 'ok-1': ['o3'] }] }],
    ['in other fallbacks', '/v1/chat/completions', { ...CHAT, context_window_fallbacks: [{ 'ok-1': ['o3'] }] }],
    ['in a map of fallbacks', '/v1/chat/completions', { ...CHAT, context_window_fallback_dict: { 'ok-1': 'o3' } }],
    ['deep in a body', '/v1/chat/completions', { ...CHAT, extra_body: { models: [{ model: 'o3' }] } }],
    ['of a tool', '/v1/responses', { model: 'ok-1', input: 'x', tools: [{ type: 'image_generation', model: 'o3' }] }],
    ['under another letter case', '/v1/chat/completions', { ...CHAT, Model: 'o3' }],
    ['beside a decoy', '/v1/batches', { model: 'ok-1', input_file_id: 'f' }],
    ['in a path', '/v1/engines/o3/completions', { model: 'ok-1', prompt: 'x' }],
  ])('%s', async (_, path, body) => {
    expect(await ask(path, body)).toEqual([403, 0]);
  });

  test('of a model that is to be deleted, too', async () => {
    expect(await ask('/v1/models/o3', '', 'DELETE')).toEqual([403, 0]);
    expect(await ask('/v1/models/ok-1', '', 'DELETE')).toEqual([200, 1]);
  });

  test('and a key that stands twice in one object is a 400, since servers differ in which they read', async () => {
    const body = '{"model":"ok-1","messages":[],"extra":{"model":"o3","m\\u006fdel":"ok-1"}}';
    expect(await ask('/v1/completions', body)).toEqual([400, 0]);
  });
});

test('what a fallback brings beside its name is no model', async () => {
  const fallbacks = [{ model: 'ok-2', metadata: { team: 'blue' }, temperature: 0 }];
  expect(await ask('/v1/chat/completions', { ...CHAT, fallbacks, provider: { allow_fallbacks: true } })).toEqual([
    200, 1,
  ]);
});

test('schemas of tools and what a model wrote name no models', async () => {
  const parameters = { type: 'object', properties: { model: { enum: ['o3'] }, models: { default: ['o3'] } } };
  const tools = [{ type: 'function', function: { name: 'f', parameters } }];
  const content = [{ type: 'tool_use', id: 't', name: 'f', input: { model: 'o3' } }];
  const messages = [...CHAT.messages, { role: 'assistant', content }];
  expect(await ask('/v1/chat/completions', { ...CHAT, messages, tools })).toEqual([200, 1]);
});
