import Anthropic from '@anthropic-ai/sdk';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, streamText } from 'ai';
import OpenAI from 'openai';
import { describe, expect, test } from 'vitest';
import { startGateway } from '../support/gateway.ts';
import {
  chatChunk,
  chatCompletion,
  CUT,
  events,
  json,
  rules,
  scriptedUpstream,
  sse,
  sseChunks,
} from '../support/scripted-upstream.ts';

const retrying = 'plugins: [auth, { retry: { backoff: { initial: 1ms } } }]';
const messages = [{ role: 'user' as const, content: 'Hello' }];

describe('the openai client', () => {
  test('chats, with a tool call and its own key', async () => {
    const call = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } };
    const completion = chatCompletion('');
    await using upstream = await scriptedUpstream(
      json({
        ...completion,
        choices: [
          { index: 0, message: { role: 'assistant', content: null, tool_calls: [call] }, finish_reason: 'tool_calls' },
        ],
      }),
    );
    await using gateway = await startGateway(upstream, { yaml: retrying });
    const client = new OpenAI({ baseURL: gateway.baseUrl, apiKey: 'sk-own' });
    const answer = await client.chat.completions.create({ model: 'm', messages, seed: 7 });
    expect(answer.choices[0]?.message.tool_calls).toEqual([call]);
    expect(answer._request_id).toBeTruthy();
    expect(upstream.requests[0]?.headers.authorization).toBe('Bearer sk-own');
  });

  test('streams, and its helper is content with what it gets', async () => {
    await using upstream = await scriptedUpstream(events(sseChunks('Hel', 'lo')));
    await using gateway = await startGateway(upstream, { yaml: retrying });
    const client = new OpenAI({ baseURL: gateway.baseUrl, apiKey: 'none' });
    const runner = client.chat.completions.stream({ model: 'm', messages });
    expect(await runner.finalContent()).toBe('Hello');
  });

  test('notices a stream that was cut', async () => {
    await using upstream = await scriptedUpstream(events([sse(chatChunk({ role: 'assistant', content: 'a' })), CUT]));
    await using gateway = await startGateway(upstream, { yaml: retrying });
    const client = new OpenAI({ baseURL: gateway.baseUrl, apiKey: 'none' });
    const reading = async () => {
      for await (const _ of await client.chat.completions.create({ model: 'm', messages, stream: true })) void _;
    };
    await expect(reading()).rejects.toThrow(OpenAI.APIError);
  });

  test('gets errors in its own classes, and does not multiply our retries by its own', async () => {
    await using upstream = await scriptedUpstream(
      json({ error: { message: 'down', type: 'server_error', param: null, code: null } }, { status: 500 }),
    );
    await using gateway = await startGateway(upstream, { yaml: retrying });
    const client = new OpenAI({ baseURL: gateway.baseUrl, apiKey: 'none' });
    await expect(client.chat.completions.create({ model: 'm', messages })).rejects.toThrow(OpenAI.InternalServerError);
    expect(upstream.requests).toHaveLength(3);
    await expect(client.chat.completions.create({ model: '', messages: [] })).rejects.toThrow(OpenAI.BadRequestError);
  });

  test('embeds (base64 by default), lists models, and uploads a file', async () => {
    const floats = Buffer.from(new Float32Array([0.5, -1]).buffer).toString('base64');
    await using upstream = await scriptedUpstream(
      rules([
        {
          path: '/v1/embeddings',
          reply: json({
            object: 'list',
            model: 'm',
            data: [{ object: 'embedding', index: 0, embedding: floats }],
            usage: { prompt_tokens: 1, total_tokens: 1 },
          }),
        },
        {
          path: '/v1/models',
          reply: json({ object: 'list', data: [{ id: 'org/m', object: 'model', created: 1, owned_by: 'x' }] }),
        },
        { path: '/v1/files', reply: json({ id: 'file-1', object: 'file' }) },
      ]),
    );
    await using gateway = await startGateway(upstream, { yaml: retrying });
    const client = new OpenAI({ baseURL: gateway.baseUrl, apiKey: 'none' });
    const { data } = await client.embeddings.create({ model: 'm', input: 'x' });
    expect([...(data[0]?.embedding ?? [])]).toEqual([0.5, -1]);
    const ids: string[] = [];
    for await (const model of client.models.list()) ids.push(model.id);
    expect(ids).toEqual(['org/m']);
    expect((await client.models.retrieve('org/m')).id).toBe('org/m');
    const file = await client.files.create({ file: new File(['hello'], 'a.txt'), purpose: 'assistants' });
    expect(file.id).toBe('file-1');
  });
});

describe('the AI SDK', () => {
  test('generates and streams', async () => {
    await using upstream = await scriptedUpstream(({ json: body }) =>
      body['stream'] === true ? events(sseChunks('Hel', 'lo')) : json(chatCompletion('Hello')),
    );
    await using gateway = await startGateway(upstream, { yaml: retrying });
    const model = createOpenAICompatible({ name: 'optigate', baseURL: gateway.baseUrl, apiKey: 'none' })('m');
    expect((await generateText({ model, prompt: 'Hi' })).text).toBe('Hello');
    let text = '';
    for await (const part of streamText({ model, prompt: 'Hi' }).textStream) text += part;
    expect(text).toBe('Hello');
  });
});

describe('the Anthropic client', () => {
  const message = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude',
    content: [{ type: 'text', text: 'Hi' }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 1, output_tokens: 1 },
  };
  const named = (type: string, data: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
  const stream = [
    named('message_start', { message: { ...message, content: [], stop_reason: null } }),
    named('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    named('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'Hi' } }),
    named('content_block_stop', { index: 0 }),
    named('message_delta', { delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 1 } }),
    named('message_stop', {}),
  ];

  test('talks to an upstream of its wire, key in x-api-key', async () => {
    await using upstream = await scriptedUpstream(
      rules([
        { path: '/v1/messages/count_tokens', reply: json({ input_tokens: 3 }) },
        { path: '/v1/messages', body: '"stream":true', reply: events(stream) },
        { path: '/v1/messages', reply: json(message) },
      ]),
    );
    await using gateway = await startGateway(undefined, {
      yaml: `upstreams: { claude: { provider: anthropic, base_url: "${upstream.baseUrl}", api_key: sk-ant-server } }\n${retrying}`,
    });
    const client = new Anthropic({ baseURL: gateway.url, apiKey: 'none' });
    const input = { model: 'claude', max_tokens: 10, messages };
    expect((await client.messages.create(input)).content).toEqual(message.content);
    expect((await client.messages.stream(input).finalMessage()).content).toMatchObject([{ type: 'text', text: 'Hi' }]);
    expect((await client.messages.countTokens({ model: 'claude', messages })).input_tokens).toBe(3);
    for (const { headers } of upstream.requests) {
      expect(headers['x-api-key']).toBe('sk-ant-server');
      expect(headers.authorization).toBeUndefined();
      expect(headers['anthropic-version']).toMatch(/^\d{4}-\d\d-\d\d$/);
    }
  });

  test('notices a stream that was cut', async () => {
    await using upstream = await scriptedUpstream(events([...stream.slice(0, 3), CUT]));
    await using gateway = await startGateway(undefined, {
      yaml: `upstreams: { claude: { provider: anthropic, base_url: "${upstream.baseUrl}", api_key: k } }\n${retrying}`,
    });
    const client = new Anthropic({ baseURL: gateway.url, apiKey: 'none' });
    await expect(client.messages.stream({ model: 'claude', max_tokens: 10, messages }).finalMessage()).rejects.toThrow(
      /broke off/,
    );
  });
});
