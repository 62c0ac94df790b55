/**
 * The request shapes of coding agents, as they go over the wire: what the upstream gets is what they sent (path with
 * query, headers, bytes), what they get is what the upstream answered.
 */
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { chatChunk, events, json, rules, scriptedUpstream, sse, text } from '../support/scripted-upstream.ts';

const PLUGINS = 'plugins: [auth, retry, re2, bon]';

/** Sends raw bytes, adding nothing but a length, and reads the whole answer. */
async function send(
  gateway: TestGateway,
  method: string,
  path: string,
  { headers = {}, body }: { headers?: Record<string, string>; body?: Buffer } = {},
) {
  const asking = request(`${gateway.url}${path}`, {
    method,
    agent: false,
    headers: { ...headers, ...(body ? { 'content-length': body.length } : {}) },
  });
  asking.end(body);
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString() };
}

const anthropicYaml = (baseUrl: string) =>
  `upstreams: { claude: { provider: anthropic, base_url: "${baseUrl}", api_key: sk-ant-server } }\n${PLUGINS}`;

describe('Claude Code', () => {
  const HEADERS = {
    accept: 'application/json',
    'anthropic-beta': 'claude-code-20250219,interleaved-thinking-2025-05-14,fine-grained-tool-streaming-2025-05-14',
    'anthropic-dangerous-direct-browser-access': 'true',
    'anthropic-version': '2023-06-01',
    'content-type': 'application/json',
    'user-agent': 'claude-cli/2.0.14 (external, cli)',
    'x-app': 'cli',
    'x-claude-code-session-id': '0b9f8f5e-9f0e-4b8e-a7e7-4f1fd4a6a8f2',
    'x-stainless-arch': 'x64',
    'x-stainless-helper-method': 'stream',
    'x-stainless-lang': 'js',
    'x-stainless-retry-count': '0',
    'x-stainless-timeout': '600',
  };
  // Spaces, escapes, numbers and order of keys as they are: re-encoded, not one of them would stay.
  const BODY = Buffer.from(
    `{"model": "claude-opus-4-5", "max_tokens":32000 ,"stream":true,"temperature":1.0,
 "system":[{"type":"text","text":"x-anthropic-billing-header: cc_version=2.0.14;"},{"type":"text","text":"You are Claude Code \\u2014 \\ud83d\\ude00","cache_control":{"type":"ephemeral","ttl":"1h"}}],
 "tools":[{"name":"Bash","description":"Runs","input_schema":{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"timeout":{"type":"number","maximum":9007199254740993}}}}],
 "messages":[{"role":"user","content":[{"type":"text","text":"<system-reminder>\\nHi <optillm_approach>re2</optillm_approach>"},{"type":"text","text":"hello","cache_control":{"type":"ephemeral"}}]}],
 "thinking":{"type":"enabled","budget_tokens":31999},"context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]},"metadata":{"user_id":"user_1_account__session_2"}}`,
  );
  const STREAM = [
    'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-opus-4-5","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"cache_read_input_tokens":0,"output_tokens":1}}}\n\n',
    'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"toolu_1","name":"Bash","input":{}}}\n\n',
    'event: ping\ndata: {"type": "ping"}\n\n',
    'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\\"command\\": \\"ls\\"}"}}\n\n',
    'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n',
    'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":9}}\n\n',
    'event: message_stop\ndata: {"type":"message_stop"}\n\n',
  ];

  test('streams a turn: path, headers and bytes there, events and headers back', async () => {
    await using upstream = await scriptedUpstream(
      events(STREAM, { headers: { 'request-id': 'req_1', 'anthropic-ratelimit-requests-remaining': '49' } }),
    );
    await using gateway = await startGateway(undefined, { yaml: anthropicYaml(upstream.baseUrl) });
    const answer = await send(gateway, 'POST', '/v1/messages?beta=true', {
      headers: { ...HEADERS, authorization: 'Bearer none' },
      body: BODY,
    });

    const asked = upstream.requests[0]!;
    expect([asked.method, asked.path]).toEqual(['POST', '/v1/messages?beta=true']);
    expect(asked.headers).toMatchObject({ ...HEADERS, 'x-api-key': 'sk-ant-server' });
    expect(asked.headers.authorization).toBeUndefined();
    expect(asked.body.equals(BODY)).toBe(true);

    expect(answer.status).toBe(200);
    expect(answer.body).toBe(STREAM.join(''));
    expect(answer.headers['content-type']).toMatch(/^text\/event-stream/);
    expect(answer.headers).toMatchObject({
      'x-optigate-upstream-request-id': 'req_1',
      'anthropic-ratelimit-requests-remaining': '49',
    });
  });

  test('its own key goes where it would without a proxy', async () => {
    await using upstream = await scriptedUpstream(json({ type: 'message' }));
    await using gateway = await startGateway(undefined, {
      yaml: `upstreams: { claude: { provider: anthropic, base_url: "${upstream.baseUrl}" } }\n${PLUGINS}`,
    });
    await send(gateway, 'POST', '/v1/messages?beta=true', {
      headers: { ...HEADERS, 'x-api-key': 'sk-ant-own' },
      body: BODY,
    });
    expect(upstream.requests[0]?.headers['x-api-key']).toBe('sk-ant-own');
  });

  test('counts tokens, probes, and gets errors in the shape of its wire', async () => {
    const refusal = '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_2"}';
    await using upstream = await scriptedUpstream(
      rules([
        { path: '/v1/messages/count_tokens?beta=true', reply: json('{"input_tokens": 2095}') },
        {
          path: '/v1/messages?beta=true',
          reply: json(refusal, { status: 529, headers: { 'x-should-retry': 'true', 'retry-after': '30' } }),
        },
      ]),
    );
    await using gateway = await startGateway(undefined, { yaml: anthropicYaml(upstream.baseUrl) });

    const head = await send(gateway, 'HEAD', '/');
    expect([head.status, head.body]).toEqual([200, '']);

    const counted = await send(gateway, 'POST', '/v1/messages/count_tokens?beta=true', {
      headers: HEADERS,
      body: BODY,
    });
    expect([counted.status, counted.body]).toEqual([200, '{"input_tokens": 2095}']);
    expect(upstream.requests[0]?.body.equals(BODY)).toBe(true);
    expect(upstream.requests[0]?.headers).toMatchObject(HEADERS);

    const refused = await send(gateway, 'POST', '/v1/messages?beta=true', { headers: HEADERS, body: BODY });
    expect([refused.status, refused.body, refused.headers['retry-after']]).toEqual([529, refusal, '30']);

    const invalid = await send(gateway, 'POST', '/v1/messages?beta=true', { headers: HEADERS, body: Buffer.from('{') });
    expect(invalid.status).toBe(400);
    expect(JSON.parse(invalid.body)).toMatchObject({ type: 'error', error: { type: 'invalid_request_error' } });
  });
});

describe('Codex', () => {
  const HEADERS = {
    accept: 'text/event-stream',
    'content-type': 'application/json',
    conversation_id: '0199f0f3-5a2e-7c11-8f2e-3f1a2b4c5d6e',
    'openai-beta': 'responses=experimental',
    originator: 'codex_cli_rs',
    session_id: '0199f0f3-5a2e-7c11-8f2e-3f1a2b4c5d6e',
    'user-agent': 'codex_cli_rs/0.98.0 (Debian 12.0.0; x86_64) xterm-256color',
    version: '0.98.0',
    'x-codex-beta-features': 'unified_exec',
    'x-codex-turn-metadata': '{"turn_id":"1"}',
  };
  const BODY = Buffer.from(
    `{"model":"gpt-5.2-codex","instructions":"You are Codex \\u2026","input":[{"type":"message","role":"developer","content":[{"type":"input_text","text":"<permissions instructions>"}]}, {"type":"reasoning","summary":[],"encrypted_content":"gAAAA=="}],"tools":[{"type":"function","name":"shell","strict":false,"parameters":{"type":"object"}},{"type":"custom","name":"apply_patch","format":{"type":"grammar"}}],"tool_choice":"auto","parallel_tool_calls":false,"reasoning":{"effort":"medium","summary":"auto"},"store":false,"stream":true,"include":["reasoning.encrypted_content"],"prompt_cache_key":"0199"}`,
  );
  const STREAM = [
    'event: response.created\ndata: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","status":"in_progress"}}\n\n',
    'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","sequence_number":1,"item_id":"i","output_index":0,"content_index":0,"delta":"Hi"}\n\n',
    'event: response.completed\ndata: {"type":"response.completed","sequence_number":2,"response":{"id":"resp_1","object":"response","status":"completed","usage":{"input_tokens":1,"output_tokens":1,"total_tokens":2}}}\n\n',
  ];

  test.each([
    ['as it is', {}, BODY],
    ['compressed', { 'content-encoding': 'zstd' }, zstdCompressSync(BODY)],
  ])('streams a response, its request %s', async (_how, encoding, sent) => {
    await using upstream = await scriptedUpstream(events(STREAM, { headers: { 'openai-model': 'gpt-5.2-codex' } }));
    await using gateway = await startGateway(upstream, { yaml: PLUGINS });
    const answer = await send(gateway, 'POST', '/v1/responses', {
      headers: { ...HEADERS, ...encoding, authorization: 'Bearer sk-own' },
      body: sent,
    });

    const asked = upstream.requests[0]!;
    expect([asked.method, asked.path]).toEqual(['POST', '/v1/responses']);
    expect(asked.headers).toMatchObject({ ...HEADERS, authorization: 'Bearer sk-own' });
    expect(asked.headers['content-encoding']).toBeUndefined();
    expect(asked.body.equals(BODY)).toBe(true);

    expect([answer.status, answer.body]).toEqual([200, STREAM.join('')]);
    expect(answer.headers['openai-model']).toBe('gpt-5.2-codex');
  });

  test('is told at once that there is no WebSocket, with or without a key', async () => {
    await using upstream = await scriptedUpstream([]);
    await using gateway = await startGateway(upstream, {
      yaml: 'plugins: [{ auth: { keys: [{ name: a, key: secret }] } }]',
    });
    const answer = await send(gateway, 'GET', '/v1/responses', {
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'sec-websocket-version': '13',
      },
    });
    expect(answer.status).toBe(426);
    expect(JSON.parse(answer.body)).toMatchObject({ error: { type: 'invalid_request_error' } });
  });

  test('gets the models in its own shape', async () => {
    await using upstream = await scriptedUpstream(
      json({ object: 'list', data: [{ id: 'gpt-5.2-codex', object: 'model' }] }),
    );
    await using gateway = await startGateway(upstream, { yaml: PLUGINS });
    const answer = await send(gateway, 'GET', '/v1/models?client_version=0.98.0', {
      headers: { originator: 'codex_cli_rs' },
    });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toMatchObject({ models: [{ slug: 'gpt-5.2-codex' }] });
  });

  test('compacts: a path nobody here knows passes as it is', async () => {
    const compacted = '{"output": [{"type":"compaction","encrypted_content":"gAAAA"}]}';
    await using upstream = await scriptedUpstream(json(compacted));
    await using gateway = await startGateway(upstream, { yaml: PLUGINS });
    const answer = await send(gateway, 'POST', '/v1/responses/compact', { headers: HEADERS, body: BODY });
    expect([answer.status, answer.body]).toEqual([200, compacted]);
    expect(upstream.requests[0]?.path).toBe('/v1/responses/compact');
    expect(upstream.requests[0]?.body.equals(BODY)).toBe(true);
    expect(upstream.requests[0]?.headers).toMatchObject(HEADERS);
  });
});

describe('opencode', () => {
  const HEADERS = {
    accept: '*/*',
    'content-type': 'application/json',
    'http-referer': 'https://opencode.ai/',
    'user-agent': 'opencode/1.0.150 ai-sdk/provider-utils/3.0.18 runtime/bun/1.3.3',
    'x-title': 'opencode',
    'x-session-affinity': 'ses_1',
  };
  const BODY = Buffer.from(
    `{"model":"qwen3-coder","max_tokens":32000,"temperature":0.55,"top_p":1,"messages":[{"role":"system","content":"You are opencode\\u2026"},{"role":"user","content":"list"},{"role":"assistant","content":"","tool_calls":[{"id":"call_1","type":"function","function":{"name":"list","arguments":"{\\"path\\": \\".\\"}"}}],"reasoning_content":"hm"},{"role":"tool","tool_call_id":"call_1","content":"a.ts"}],"tools":[{"type":"function","function":{"name":"list","parameters":{"type":"object","additionalProperties":false}}}],"tool_choice":"auto","stream":true,"stream_options":{"include_usage":true}}`,
  );

  test('streams a turn with tools', async () => {
    const stream = [
      ': processing\n\n',
      sse(chatChunk({ role: 'assistant', content: null, reasoning_content: 'Let me' })),
      sse(
        chatChunk({
          tool_calls: [{ index: 0, id: 'call_2', type: 'function', function: { name: 'list', arguments: '' } }],
        }),
      ),
      sse(chatChunk({ tool_calls: [{ index: 0, function: { arguments: '{"path": "src"}' } }] })),
      sse(chatChunk({}, 'tool_calls')),
      sse({ ...chatChunk({}), choices: [], usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } }),
      sse('[DONE]'),
    ];
    await using upstream = await scriptedUpstream(events(stream));
    // With a cache, which asks for usage itself where the client does not.
    await using gateway = await startGateway(upstream, { yaml: 'plugins: [auth, cache, retry, bon]' });
    const answer = await send(gateway, 'POST', '/v1/chat/completions', { headers: HEADERS, body: BODY });

    const asked = upstream.requests[0]!;
    expect(asked.headers).toMatchObject(HEADERS);
    expect(asked.body.equals(BODY)).toBe(true);
    expect([answer.status, answer.body]).toEqual([200, stream.join('')]);
  });

  test('gets an error of the upstream as it was written', async () => {
    const refusal = '{"error": {"message":"Rate limit","type":"tokens","param":null,"code":"rate_limit_exceeded"}}';
    await using upstream = await scriptedUpstream(
      text(refusal, { status: 429, headers: { 'content-type': 'application/json', 'retry-after': '20' } }),
    );
    await using gateway = await startGateway(upstream, { yaml: PLUGINS });
    const answer = await send(gateway, 'POST', '/v1/chat/completions', { headers: HEADERS, body: BODY });
    expect([answer.status, answer.body, answer.headers['retry-after']]).toEqual([429, refusal, '20']);
  });
});
