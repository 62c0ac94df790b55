/** Objects that the provider stores under the server's key, and who may refer to them. */
import { describe, expect, test } from 'vitest';
import { startGateway } from '../../support/gateway.ts';
import { events, json, scriptedUpstream, sse } from '../../support/scripted-upstream.ts';

const yaml =
  'plugins: [{ auth: { keys: [{ name: alice, key: ka }, { name: bob, key: kb }, { name: carol, key: kc, models: ["m"] }] } }]';

const RESPONSE = {
  id: 'resp_1',
  object: 'response',
  status: 'completed',
  error: null,
  metadata: { file_id: 'file_of_bob' },
  output: [
    { type: 'reasoning', id: 'rs_1', summary: [] },
    { type: 'function_call', id: 'fc_1', call_id: 'call_1', name: 'f', arguments: '{}', status: 'completed' },
    { type: 'code_interpreter_call', id: 'ci_1', container_id: 'cntr_1', status: 'completed' },
    {
      type: 'message',
      id: 'msg_1',
      role: 'assistant',
      content: [
        { type: 'output_text', text: 'hi', annotations: [{ type: 'container_file_citation', file_id: 'cfile_1' }] },
      ],
    },
  ],
};
const STREAM = [
  sse({ type: 'response.created', sequence_number: 0, response: { ...RESPONSE, status: 'in_progress', output: [] } }),
  ...RESPONSE.output.map((item, output_index) => sse({ type: 'response.output_item.done', output_index, item })),
  sse({ type: 'response.completed', sequence_number: 9, response: { ...RESPONSE, output: [] } }),
];

async function start() {
  const upstream = await scriptedUpstream((request) =>
    request.path === '/v1/responses' && request.json['stream'] === true ? events(STREAM) : json(RESPONSE),
  );
  const gateway = await startGateway(upstream, { yaml });
  const ask = async (key: string, path: string, body?: object, method = body ? 'POST' : 'GET') => {
    const response = await gateway.fetch(path, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    return { status: response.status, text };
  };
  const turn = async (key: string, more: object) => (await ask(key, '/v1/responses', { model: 'm', ...more })).status;
  return {
    upstream,
    ask,
    turn,
    async [Symbol.asyncDispose]() {
      await gateway.close();
      await upstream.close();
    },
  };
}

describe('a body that refers to what is stored', () => {
  test.each([
    ['/v1/responses', { input: 'x', previous_response_id: 'resp_9' }],
    ['/v1/responses', { input: 'x', conversation: { id: 'conv_9' } }],
    ['/v1/responses', { input: [{ type: 'item_reference', id: 'msg_9' }] }],
    ['/v1/responses', { input: [{ id: 'msg_9' }] }],
    ['/v1/responses', { input: [{ type: 'reasoning', id: 'rs_9', summary: [] }] }],
    ['/v1/responses', { input: 'x', prompt: { id: 'pmpt_9' } }],
    ['/v1/responses', { input: 'x', tools: [{ type: 'file_search', vector_store_ids: ['vs_9'] }] }],
    ['/v1/responses', { input: 'x', tools: [{ type: 'code_interpreter', container: 'cntr_9' }] }],
    ['/v1/responses', { input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'file_9' }] }] }],
    ['/v1/chat/completions', { messages: [{ role: 'user', content: [{ type: 'file', file: { file_id: 'f' } }] }] }],
    ['/v1/chat/completions', { messages: [{ role: 'assistant', audio: { id: 'audio_9' } }] }],
  ])('%s %o is a 404 that says why, before any call', async (path, body) => {
    await using server = await start();
    const { status, text } = await server.ask('ka', path, { model: 'm', ...body });
    expect([status, JSON.parse(text)]).toMatchObject([404, { error: { code: 'stored_object_not_found' } }]);
    expect(server.upstream.requests).toHaveLength(0);
  });

  test('passes where it only looks so', async () => {
    await using server = await start();
    const parameters = { type: 'object', properties: { file_id: { type: 'string' } }, default: { file_id: 'x' } };
    const messages = [
      { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'f', input: { file_id: 'x' } }] },
      { role: 'tool', tool_call_id: 'call_1', content: 'file_id: x' },
    ];
    const tools = [{ type: 'function', function: { name: 'f', parameters } }];
    const body = { model: 'm', messages, tools, metadata: { conversation_id: 'c' }, modalities: ['text'] };
    expect((await server.ask('ka', '/v1/chat/completions', body)).status).not.toBe(404);
    const input = [{ type: 'message', id: 'msg_x', role: 'user', content: 'hi' }];
    expect(await server.turn('ka', { input, prompt_cache_key: 'p' })).toBe(200);
    const spent = [{ type: 'reasoning', id: 'rs_x', summary: [], encrypted_content: 'e' }];
    expect(await server.turn('ka', { input: spent })).toBe(200);
  });
});

test.each([false, true])('ids that a caller got here are its own in bodies and paths (stream: %s)', async (stream) => {
  await using server = await start();
  expect(await server.turn('ka', { input: 'x', stream })).toBe(200);
  const second = [
    { type: 'item_reference', id: 'rs_1' },
    { type: 'item_reference', id: 'fc_1' },
    { type: 'item_reference', id: 'msg_1' },
    { type: 'function_call_output', call_id: 'call_1', output: 'fine' },
  ];
  expect(await server.turn('ka', { input: second })).toBe(200);
  expect(await server.turn('ka', { input: 'x', previous_response_id: 'resp_1' })).toBe(200);
  expect(await server.turn('ka', { input: 'x', tools: [{ type: 'code_interpreter', container: 'cntr_1' }] })).toBe(200);
  expect((await server.ask('ka', '/v1/responses/resp_1/input_items?limit=2')).status).toBe(200);
  expect((await server.ask('ka', '/v1/containers/cntr_1/files/cfile_1/content')).status).toBe(200);
  expect((await server.ask('ka', '/v1/responses/resp_1', undefined, 'DELETE')).status).toBe(200);

  expect((await server.ask('kb', '/v1/responses/resp_1')).status).toBe(404);
  expect(await server.turn('kb', { input: 'x', previous_response_id: 'resp_1' })).toBe(404);
  // What the caller itself wrote into an answer is not owned by it.
  const stolen = [{ role: 'user', content: [{ type: 'input_file', file_id: 'file_of_bob' }] }];
  expect(await server.turn('ka', { input: stolen })).toBe(404);
});

test('an id that a caller has sent is not its own because the server repeats it', async () => {
  await using upstream = await scriptedUpstream((request) => {
    if (request.path.endsWith('/input_items')) return json({ data: [{ id: 'msg_of_bob', type: 'message' }] });
    return json({ ...RESPONSE, id: (request.method === 'POST' && request.json['request_id']) || RESPONSE.id });
  });
  await using gateway = await startGateway(upstream, { yaml });
  const ask = async (path: string, body?: object) => {
    const headers = { authorization: 'Bearer ka', 'content-type': 'application/json' };
    const init = body ? { method: 'POST', headers, body: JSON.stringify({ model: 'm', ...body }) } : { headers };
    return (await gateway.fetch(path, init)).status;
  };
  expect(await ask('/v1/responses', { input: 'x', request_id: 'resp_of_bob' })).toBe(200);
  expect(await ask('/v1/responses/resp_of_bob')).toBe(404);

  const input = [{ type: 'message', id: 'msg_of_bob', role: 'user', content: 'hi' }];
  expect(await ask('/v1/responses', { input })).toBe(200);
  expect(await ask('/v1/responses/resp_1/input_items')).toBe(200);
  expect(await ask('/v1/responses', { input: [{ type: 'item_reference', id: 'msg_of_bob' }] })).toBe(404);
  // What it owns already stays its own when it sends it.
  expect(await ask('/v1/responses', { input: 'x', previous_response_id: 'resp_1' })).toBe(200);
  expect(await ask('/v1/responses/resp_1')).toBe(200);
});

test('a key that may use certain models only gets the 404, too', async () => {
  await using server = await start();
  expect((await server.ask('kc', '/v1/batches', { model: 'other', input_file_id: 'f' })).status).toBe(404);
  expect((await server.ask('kc', '/v1/responses', { model: 'other', input: 'x' })).status).toBe(403);
});
