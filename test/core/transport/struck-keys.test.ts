import { expect, test } from 'vitest';
import { streamed } from '../../support/field.ts';
import { startGateway } from '../../support/gateway.ts';
import {
  chatChunk,
  chatCompletion,
  events,
  json,
  scriptedUpstream,
  sse,
  type Answering,
} from '../../support/scripted-upstream.ts';

const KEY = 'sk-proj-Zq8WvT3k0LmN7xYbC2d';
/** The key with a letter escaped, and as OpenAI masks it. */
const ESCAPED = KEY.replace('Z', String.raw`\u005A`);
const MASKED = `${KEY.slice(0, 8)}${'*'.repeat(20)}${KEY.slice(-4)}`;
const LEAKS = /Zq8|bC2d/;

const failure = (key: string) => `{"error":{"message":"Bad key ${key}","type":"t","code":"bad_${key}"}}`;
const begun = sse(chatChunk({ role: 'assistant', content: 'Hel' }));

async function shownWith(reply: Answering, body: Record<string, unknown> = {}) {
  await using upstream = await scriptedUpstream(() => reply);
  const lines: string[] = [];
  const yaml = `plugins: [bon, cot_reflection]\nupstreams: { main: { base_url: "${upstream.baseUrl}", api_key: ${KEY} } }`;
  const gateway = await startGateway(upstream, { yaml, log: (line) => lines.push(JSON.stringify(line)) });
  try {
    const response = await gateway.chat(body);
    const text = await response.text();
    return { text, headers: JSON.stringify([...response.headers]), log: () => lines.join('\n') };
  } finally {
    await gateway.close();
  }
}

test.each([
  ['as it is', KEY],
  ['escaped', ESCAPED],
  ['masked', MASKED],
])('a server key %s reaches neither client nor log, wherever an error stands', async (_, key) => {
  const replies: readonly Answering[] = [
    json(failure(key), { status: 401 }),
    json(failure(key)),
    json(`{"choices":[{"index":0,"finish_reason":"error","error":{"message":"Bad key ${key}"},"message":{}}]}`),
    events([`data: ${failure(key)}\n\n`]),
    events([begun, `data: ${failure(key)}\n\n`, sse('[DONE]')]),
    events([`${begun}data: ${failure(key)}\n\n`, sse('[DONE]')]),
    events([begun, `event: error\ndata: Bad key ${key}\n\n`]),
    events([
      begun,
      `data: {"choices":[{"index":0,"delta":{},"finish_reason":"error","error":{"message":"Bad key ${key}"}}]}\n\n`,
    ]),
    events([begun, sse('[DONE]'), `data: ${failure(key)}\n\n`]),
  ];
  for (const reply of replies) {
    for (const approach of ['none', 'bon', 'cot_reflection']) {
      const shown = await shownWith(reply, { stream: true, optillm_approach: approach });
      expect(shown.text + shown.headers + shown.log(), approach).not.toMatch(LEAKS);
    }
  }
});

test('a server key in a header of any answer is struck out', async () => {
  const headers = { 'x-account': `Bearer ${KEY}`, 'x-masked': MASKED, 'x-other': 'fine' };
  for (const reply of [json(chatCompletion('hi'), { headers }), events([begun, sse('[DONE]')], { headers })]) {
    const shown = await shownWith(reply, { stream: true });
    expect(shown.headers).not.toMatch(LEAKS);
    expect(shown.headers).toContain('fine');
  }
});

test('what a model writes is not changed', async () => {
  await using upstream = await scriptedUpstream(() =>
    events([sse(chatChunk({ content: 'sk-server' })), sse(chatChunk({}, 'stop')), sse('[DONE]')]),
  );
  await using gateway = await startGateway(upstream);
  expect((await streamed(gateway)).text).toBe('sk-server');
});

test.each([KEY, ESCAPED, MASKED])('a server key %s is struck out on the other wires, too', async (key) => {
  const message = `Bad key ${key}`;
  const start = 'event: message_start\ndata: {"type":"message_start","message":{"type":"message","content":[]}}\n\n';
  const replies: Readonly<Record<string, readonly Answering[]>> = {
    '/v1/messages': [
      events([start, `event: error\ndata: {"type":"error","error":{"type":"t","message":"${message}"}}\n\n`]),
      json(`{"type":"error","error":{"type":"t","message":"${message}"}}`, { status: 401 }),
    ],
    '/v1/responses': [
      events([
        'data: {"type":"response.created","response":{}}\n\n',
        `data: {"type":"response.failed","response":{"status":"failed","error":{"message":"${message}"}}}\n\n`,
      ]),
      json(`{"object":"response","status":"failed","error":{"code":"c","message":"${message}"},"output":[]}`),
    ],
    '/v1/completions': [events([`data: {"object":"error","message":"${message}"}\n\n`])],
    '/v1/files': [json(`{"error":{"message":"${message}"}}`, { status: 400 })],
  };
  let reply: Answering = json({});
  await using upstream = await scriptedUpstream(() => reply);
  const at = `base_url: "${upstream.baseUrl}", api_key: ${KEY}`;
  const yaml = `upstreams: { main: { ${at} }, claude: { provider: anthropic, ${at} } }`;
  await using gateway = await startGateway(upstream, { yaml });
  for (const [path, list] of Object.entries(replies)) {
    for (reply of list) {
      const response = await gateway.fetch(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'm', stream: true, input: 'x', prompt: 'x', messages: [], max_tokens: 1 }),
      });
      const shown = await response.text();
      expect(shown, path).toContain('redacted');
      expect(shown, path).not.toMatch(LEAKS);
    }
  }
});
