import { expect, test } from 'vitest';
import { answeringWith, field, streamed } from '../../support/field.ts';
import { startGateway } from '../../support/gateway.ts';
import {
  chatChunk,
  chatCompletion,
  CUT,
  events,
  json,
  scriptedUpstream,
  sse,
  sseChunks,
  text,
  type Step,
} from '../../support/scripted-upstream.ts';

const APPROACHES = 'plugins: [cot_reflection, moa, leap, bon, re2]';
const CACHED = 'plugins: [cache]';

const FRAMES: readonly (readonly [string, string])[] = [
  ['no delta', '{"choices":[{"index":0,"finish_reason":null}]}'],
  ['delta: null', '{"choices":[{"index":0,"delta":null,"finish_reason":null}]}'],
  ['choices: null', '{"choices":null,"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}}'],
  ['no choices', '{"id":"c1","model":"m","metadata":{"a":1}}'],
  ['usage alone', '{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}}'],
  ['data: null', 'null'],
  ['no data', ''],
  ['error: {}', '{"error":{},"choices":[{"index":0,"delta":{},"finish_reason":null}]}'],
  ['error: null', '{"error":null,"choices":[{"index":0,"delta":{},"finish_reason":null}]}'],
  [
    'empty members',
    '{"choices":[{"index":0,"delta":{"content":"","tool_calls":[],"refusal":"","function_call":null}}]}',
  ],
];

function withFrame(frame: string, place: 'first' | 'middle' | 'last'): Step[] {
  const [role = '', hello = '', end = '', done = ''] = sseChunks('Hello');
  const odd = `data: ${frame}\n\n`;
  if (place === 'first') return [odd, role, hello, end, done];
  return place === 'middle' ? [role, hello, odd, end, done] : [role, hello, end, odd, done];
}

test.each(['cot_reflection', 'moa', 'leap', 're2|none', 'none&re2'])(
  'a live stream of %s shows the text, and leaves out frames that add nothing',
  async (approach) => {
    const cases = FRAMES.flatMap(([, frame]) =>
      (['first', 'middle', 'last'] as const).map((at) => withFrame(frame, at)),
    );
    let current: Step[] = [];
    await using upstream = await scriptedUpstream((request) =>
      request.json['stream'] === true ? events(current) : json(chatCompletion(`draft ${request.index}. Score: 7`)),
    );
    await using gateway = await startGateway(upstream, { yaml: APPROACHES });
    for (const steps of cases) {
      current = steps;
      const read = await streamed(gateway, { optillm_approach: approach, optigate: { progress: false } });
      const expected = approach.includes('|') ? 'HelloHello' : 'Hello';
      expect(read, JSON.stringify(steps)).toMatchObject({ status: 200, text: expected, finish: 'stop' });
      expect(read.events.at(-1)).toBe('[DONE]');
    }
  },
);

test.each(['F07-chunk-without-delta.sse', 'F08-choices-null.sse', 'F09-data-null.sse', 'F11-empty-tool-calls.sse'])(
  '%s shows its text in every approach that streams live, and plain',
  async (name) => {
    await using upstream = await scriptedUpstream(answeringWith(name));
    await using gateway = await startGateway(upstream, { yaml: APPROACHES });
    for (const approach of ['none', 'cot_reflection', 'moa', 'leap', 're2']) {
      const read = await streamed(gateway, { optillm_approach: approach, optigate: { progress: false } });
      expect(read, approach).toMatchObject({ status: 200, text: 'Hello', finish: 'stop' });
    }
  },
);

test.each([
  ['nothing but the end mark', ['data: [DONE]\n\n']],
  ['nothing but the end mark, without an empty line', ['data: [DONE]\n']],
  ['text that is no object', ['data: hello\n\n', 'data: [DONE]\n\n']],
  ['comments and the end mark', [': hi\n\n', 'data: null\n\n', 'data: [DONE]\n\n']],
])('a stream of %s is a 502, and stored nowhere', async (_, steps) => {
  await using upstream = await scriptedUpstream(() => events(steps));
  await using gateway = await startGateway(upstream, { yaml: CACHED });
  for (const count of [1, 2]) {
    const response = await gateway.chat({ stream: true });
    expect(response.status).toBe(502);
    expect(upstream.requests).toHaveLength(count);
  }
});

test('on other paths a stream may hold anything', async () => {
  await using upstream = await scriptedUpstream(() => events(['data: hello\n\n']));
  await using gateway = await startGateway(upstream);
  const response = await gateway.fetch('/v1/audio/speech', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'test-model', input: 'hi' }),
  });
  expect([response.status, await response.text()]).toEqual([200, 'data: hello\n\n']);
});

test.each(['none', 'cot_reflection'])('a connection torn after the end mark is a clean end (%s)', async (approach) => {
  await using upstream = await scriptedUpstream(() => events([...sseChunks('Hello'), CUT]));
  await using gateway = await startGateway(upstream, { yaml: APPROACHES });
  const { events: got, text: said } = await streamed(gateway, { optillm_approach: approach });
  expect(said).toBe('Hello');
  expect(got.at(-1)).toBe('[DONE]');
  expect(got.filter((data) => data.includes('"error"'))).toEqual([]);
});

test('a connection torn after the last event is a clean end on the wires without an end mark', async () => {
  const message = [
    'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant","content":[],"model":"m"}}\n\n',
    'event: message_stop\ndata: {"type":"message_stop"}\n\n',
  ];
  await using upstream = await scriptedUpstream((request) =>
    events([...(request.path.startsWith('/v1/messages') ? message : [field('F23-completed-without-output.sse')]), CUT]),
  );
  const yaml = `upstreams:\n  main: { base_url: "${upstream.baseUrl}", api_key: sk-server }\n  claude: { provider: anthropic, base_url: "${upstream.baseUrl}", api_key: sk-server }\n`;
  await using gateway = await startGateway(upstream, { yaml });
  for (const path of ['/v1/responses', '/v1/messages']) {
    const response = await gateway.fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', stream: true, input: 'hi', messages: [], max_tokens: 5 }),
    });
    expect(await response.text(), path).not.toContain('error');
  }
});

const TYPES = [undefined, 'text/plain', 'application/json', 'application/octet-stream'];

test.each(TYPES)('an event stream under the content type %s is read as one', async (type) => {
  const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type };
  const body = sseChunks('Hello').join('');
  await using upstream = await scriptedUpstream(() => ({ steps: [body.slice(0, 3), body.slice(3)], headers }));
  await using gateway = await startGateway(upstream, { yaml: APPROACHES });
  for (const approach of ['none', 'cot_reflection', 'bon']) {
    expect(await streamed(gateway, { optillm_approach: approach }), approach).toMatchObject({ status: 200 });
    const whole = await gateway.chat({ optillm_approach: approach });
    expect(whole.headers.get('content-type')).toMatch('application/json');
    expect(await whole.json()).toMatchObject({ choices: [{ message: { content: 'Hello' } }] });
  }
});

test('a JSON answer under the content type of a stream is read as one', async () => {
  const reply = text(`\n ${JSON.stringify(chatCompletion('Hello'))}`, {
    headers: { 'content-type': 'text/event-stream' },
  });
  await using upstream = await scriptedUpstream(() => reply);
  await using gateway = await startGateway(upstream, { yaml: APPROACHES });
  for (const approach of ['none', 'bon']) {
    expect(await streamed(gateway, { optillm_approach: approach })).toMatchObject({ status: 200, text: 'Hello' });
    expect(await (await gateway.chat({ optillm_approach: approach })).json()).toMatchObject({
      choices: [{ message: { content: 'Hello' } }],
    });
  }
});

test('an answer that is neither is still a 502', async () => {
  await using upstream = await scriptedUpstream(() => text('<html>data: </html>'));
  await using gateway = await startGateway(upstream);
  expect((await gateway.chat({ stream: true })).status).toBe(502);
});

const RESPONSE = {
  id: 'r',
  object: 'response',
  status: 'completed',
  model: 'm',
  output: [
    {
      type: 'message',
      id: 'i',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: 'Hello', annotations: [] }],
    },
  ],
};
const MESSAGE = {
  id: 'm',
  type: 'message',
  role: 'assistant',
  model: 'm',
  content: [{ type: 'text', text: 'Hello' }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 1, output_tokens: 1 },
};
const COMPLETION = {
  id: 'c',
  object: 'text_completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, text: 'Hello', finish_reason: 'stop' }],
};
const MESSAGE_EVENTS = [
  { type: 'message_start', message: { ...MESSAGE, content: [], stop_reason: null } },
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hello' } },
  { type: 'content_block_stop', index: 0 },
  { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 1 } },
  { type: 'message_stop' },
]
  .map((event) => `event: ${event.type}\n${sse(event)}`)
  .join('');

test.each([
  [
    '/v1/completions',
    sse({ ...COMPLETION, choices: [{ index: 0, text: 'Hello', finish_reason: 'stop' }] }) + sse('[DONE]'),
    COMPLETION,
  ],
  ['/v1/responses', field('F23-completed-without-output.sse'), RESPONSE],
  ['/v1/messages', MESSAGE_EVENTS, MESSAGE],
])('%s comes in the form that was asked for, whichever the upstream sends', async (path, stream, whole) => {
  let reply: unknown;
  await using upstream = await scriptedUpstream(() =>
    typeof reply === 'string' ? { steps: [reply], headers: {} } : json(reply),
  );
  const yaml = `upstreams:\n  main: { base_url: "${upstream.baseUrl}", api_key: sk-server }\n  claude: { provider: anthropic, base_url: "${upstream.baseUrl}", api_key: sk-server }\n`;
  await using gateway = await startGateway(upstream, { yaml });
  const ask = (isStream: boolean) =>
    gateway.fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'm',
        ...(isStream ? { stream: true } : {}),
        input: 'hi',
        prompt: 'hi',
        messages: [],
        max_tokens: 5,
      }),
    });
  for (const sent of [stream, whole]) {
    reply = sent;
    const asWhole = await ask(false);
    expect(asWhole.headers.get('content-type')).toMatch('application/json');
    expect(JSON.stringify(await asWhole.json())).toContain('Hello');
    const asStream = await ask(true);
    expect(asStream.headers.get('content-type')).toMatch('text/event-stream');
    expect(await asStream.text()).toMatch(/data: [^]*Hello/);
  }
});

test('a chunk of a choice that failed ends the stream, and is stored nowhere', async () => {
  const failed = {
    ...chatChunk({ content: '' }, 'error'),
    choices: [{ index: 0, delta: {}, error: { code: 502, message: 'provider disconnected' }, finish_reason: 'error' }],
  };
  await using upstream = await scriptedUpstream(() =>
    events([sse(chatChunk({ content: 'Hel' })), sse(failed), sse('[DONE]')]),
  );
  await using gateway = await startGateway(upstream, { yaml: CACHED });
  for (const count of [1, 2]) {
    const read = await streamed(gateway);
    expect(read.text).toBe('Hel');
    expect(read.events.join('\n')).toContain('provider disconnected');
    expect(upstream.requests).toHaveLength(count);
  }
});
