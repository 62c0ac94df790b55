import { expect, test } from 'vitest';
import { EVERY_APPROACH } from '../../support/every-approach.ts';
import { answeringWith, field, streamed } from '../../support/field.ts';
import { startGateway } from '../../support/gateway.ts';
import { chatCompletion, events, json, scriptedUpstream, sse, sseChunks } from '../../support/scripted-upstream.ts';

const SLUGS = EVERY_APPROACH.map(({ slug }) => slug).filter((slug) => slug !== 'none');
const APPROACHES = `plugins: [${SLUGS.join(', ')}]`;
const CACHED = 'plugins: [cache]';

/** The messages that an approach applies to. */
function asked(approach: string): Record<string, unknown> {
  const messages = EVERY_APPROACH.find(({ slug }) => slug === approach)?.messages;
  return messages ? { messages } : {};
}

interface Body {
  readonly error?: { readonly message: string; readonly code: unknown };
  readonly choices?: readonly { readonly message: Record<string, unknown>; readonly finish_reason: string }[];
}

async function bodyOf(response: Response): Promise<Body> {
  return (await response.json()) as Body;
}

test('an error in the only choice of a 200 is the error, and stored nowhere', async () => {
  await using upstream = await scriptedUpstream(answeringWith('F03-error-in-choice.json'));
  await using gateway = await startGateway(upstream, { yaml: CACHED });
  for (const count of [1, 2]) {
    const response = await gateway.chat();
    expect(response.status).toBe(502);
    expect((await bodyOf(response)).error?.message).toBe('provider disconnected');
    expect(upstream.requests).toHaveLength(count);
  }
});

test('an error as the first event of a stream is the error, and stored nowhere', async () => {
  await using upstream = await scriptedUpstream(answeringWith('F04-object-error.sse'));
  await using gateway = await startGateway(upstream, { yaml: CACHED });
  for (const count of [1, 2]) {
    const response = await gateway.chat({ stream: true });
    expect(response.status).toBe(500);
    expect((await bodyOf(response)).error?.message).toBe('engine died');
    expect(upstream.requests).toHaveLength(count);
  }
});

const NESTED = { id: '', choices: null, error: { message: 'slow down', code: 429 } };
const NAMED = { choices: null, error_type: 'overloaded', message: 'too many', code: 503 };
const OBJECT = { object: 'error', message: 'engine died', type: 'InternalServerError', code: 500 };

test.each([
  ['an error beside choices: null', NESTED, 429, 'slow down'],
  ['error_type beside choices: null', NAMED, 503, 'too many'],
  ['object: error', OBJECT, 500, 'engine died'],
])('a 200 with %s has the status and message of the error', async (_, body, status, message) => {
  for (const reply of [json(body), events([sse(body), sse('[DONE]')])]) {
    await using upstream = await scriptedUpstream(() => reply);
    await using gateway = await startGateway(upstream, { yaml: 'plugins: [bon]' });
    for (const approach of ['none', 'bon']) {
      for (const stream of [false, true]) {
        const response = await gateway.chat({ stream, optillm_approach: approach });
        expect(response.status).toBe(status);
        expect((await bodyOf(response)).error?.message).toBe(message);
      }
    }
  }
});

test.each(['error', 'network_error', 'insufficient_system_resource', 'abort'])(
  'an answer that ended by "%s" is passed on plain, stored nowhere, and no candidate',
  async (reason) => {
    const cut = { message: { role: 'assistant', content: 'Half an' }, finish_reason: reason };
    const whole = {
      index: 1,
      message: { role: 'assistant', content: 'Whole. Final answer: 1' },
      finish_reason: 'stop',
    };
    await using upstream = await scriptedUpstream((request) => {
      const n = Number(request.json['n'] ?? 1);
      const choices = Array.from({ length: n }, (_, index) => ({ ...(n > 1 && index === n - 1 ? whole : cut), index }));
      return json(chatCompletion('', { choices }));
    });
    await using plain = await startGateway(upstream, { yaml: CACHED });
    for (const count of [1, 2]) {
      expect((await bodyOf(await plain.chat())).choices?.[0]?.message['content']).toBe('Half an');
      expect(upstream.requests).toHaveLength(count);
    }
    await using gateway = await startGateway(upstream, { yaml: APPROACHES });
    for (const approach of ['self_consistency', 'bon']) {
      const { choices } = await bodyOf(await gateway.chat({ optillm_approach: approach }));
      expect(JSON.stringify(choices), approach).toContain('Whole.');
    }
  },
);

test('a stream that ended by "network_error" is stored nowhere', async () => {
  const steps = [
    ...sseChunks('Hel').slice(0, -2),
    sse({ choices: [{ index: 0, delta: {}, finish_reason: 'network_error' }] }),
    sse('[DONE]'),
  ];
  await using upstream = await scriptedUpstream(() => events(steps));
  await using gateway = await startGateway(upstream, { yaml: CACHED });
  for (const count of [1, 2]) {
    expect((await streamed(gateway)).text).toBe('Hel');
    expect(upstream.requests).toHaveLength(count);
  }
});

const AUDIO = { role: 'assistant', content: null, audio: { id: 'a', data: 'AAAA', transcript: 'Hello' } };
const IMAGES = { role: 'assistant', content: '', images: [{ type: 'image_url', image_url: { url: 'data:,' } }] };
const PARTS = { role: 'assistant', content: [{ type: 'text', text: 'Hello' }] };

test.each([
  ['audio', AUDIO],
  ['images', IMAGES],
  ['text in parts', PARTS],
  ['a call of the older API', { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } }],
])('an answer with %s alone is one for every approach', async (_, message) => {
  await using upstream = await scriptedUpstream(() =>
    json(chatCompletion('', { choices: [{ index: 0, message, finish_reason: 'stop' }] })),
  );
  await using gateway = await startGateway(upstream, { yaml: APPROACHES });
  for (const approach of [...SLUGS, 'bon&moa']) {
    const response = await gateway.chat({ optillm_approach: approach, ...asked(approach) });
    expect(response.status, approach).toBe(200);
    expect((await bodyOf(response)).choices?.[0]?.message, approach).toMatchObject(
      approach === 'cot_reflection' && message === PARTS ? { content: 'Hello' } : message,
    );
  }
});

test.each([
  ['audio', { audio: { id: 'a', data: 'AAAA' } }],
  ['images', { images: [{ type: 'image_url', image_url: { url: 'data:,' } }] }],
  ['text in parts', { content: [{ type: 'text', text: 'Hello' }] }],
  ['a call of the older API', { function_call: { name: 'f', arguments: '{}' } }],
])('a live stream with %s alone is not followed by a draft', async (_, delta) => {
  const chunks = [
    { choices: [{ index: 0, delta: { role: 'assistant', ...delta } }] },
    { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
  ];
  await using upstream = await scriptedUpstream((request) =>
    request.json['stream'] === true
      ? events([...chunks.map(sse), sse('[DONE]')])
      : json(chatCompletion(`draft ${request.index}`)),
  );
  await using gateway = await startGateway(upstream, { yaml: APPROACHES });
  const read = await streamed(gateway, { optillm_approach: 'moa', optigate: { progress: false } });
  expect(read.events.join('\n')).toContain(JSON.stringify(Object.values(delta)[0]).slice(1, -1));
  expect(read.text).not.toContain('draft');
});

test('the call of F12 is the answer of bon', async () => {
  await using upstream = await scriptedUpstream(answeringWith('F12-function-call.json'));
  await using gateway = await startGateway(upstream, { yaml: APPROACHES });
  const { choices } = await bodyOf(await gateway.chat({ optillm_approach: 'bon' }));
  expect(choices?.[0]).toMatchObject({
    finish_reason: 'function_call',
    message: { function_call: { name: 'get_weather' } },
  });
});

test.each(SLUGS)('thoughts that a limit cut are the answer of %s, as of the plain call', async (approach) => {
  await using upstream = await scriptedUpstream(answeringWith('F13-length-only-thoughts.json'));
  await using gateway = await startGateway(upstream, { yaml: APPROACHES });
  const response = await gateway.chat({ optillm_approach: approach, ...asked(approach) });
  expect(response.status).toBe(200);
  expect((await bodyOf(response)).choices?.[0]?.finish_reason).toBe('length');
  const stream = await streamed(gateway, { optillm_approach: approach, ...asked(approach) });
  expect(stream).toMatchObject({ status: 200, finish: 'length' });
});

test('thoughts that a limit cut in a live stream end it by length, in every approach', async () => {
  const thought = sse({ choices: [{ index: 0, delta: { role: 'assistant', reasoning_content: 'Let me' } }] });
  const end = sse({ choices: [{ index: 0, delta: {}, finish_reason: 'length' }] });
  await using upstream = await scriptedUpstream(({ json: body }) =>
    body['stream'] === true ? events([thought, end, sse('[DONE]')]) : json(field('F13-length-only-thoughts.json')),
  );
  await using gateway = await startGateway(upstream, { yaml: APPROACHES });
  for (const approach of SLUGS) {
    const read = await streamed(gateway, { optillm_approach: approach, ...asked(approach) });
    expect(read, approach).toMatchObject({ status: 200, finish: 'length' });
    expect(read.events.join('\n'), approach).not.toContain('"error"');
  }
});

test('calls of tools that share an index are two calls, and stay so in the cache', async () => {
  await using upstream = await scriptedUpstream(answeringWith('F01-same-index.sse'));
  await using gateway = await startGateway(upstream, { yaml: CACHED });
  await streamed(gateway, { stream_options: { include_usage: true } });
  const { choices } = await bodyOf(await gateway.chat());
  expect(upstream.requests).toHaveLength(1);
  expect(choices?.[0]?.message['tool_calls']).toMatchObject([
    { id: 'call_a', function: { arguments: '{"path":"a"}' } },
    { id: 'call_b', function: { arguments: '{"path":"b"}' } },
  ]);
});

test('thoughts in parts stay when text follows, also in the cache', async () => {
  await using upstream = await scriptedUpstream(answeringWith('F14-thinking-parts.sse'));
  await using gateway = await startGateway(upstream, { yaml: CACHED });
  await streamed(gateway, { stream_options: { include_usage: true } });
  const { choices } = await bodyOf(await gateway.chat());
  expect(upstream.requests).toHaveLength(1);
  expect(choices?.[0]?.message['content']).toEqual([
    { type: 'thinking', thinking: [{ type: 'text', text: 'Hmm, 6*7.' }] },
    { type: 'text', text: '42' },
  ]);
});

test('a response whose last event lacks its output has the items that were done', async () => {
  await using upstream = await scriptedUpstream(() => events([field('F23-completed-without-output.sse')]));
  await using gateway = await startGateway(upstream, { yaml: CACHED });
  const ask = (stream: boolean) =>
    gateway.fetch('/v1/responses', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', input: 'hi', store: false, stream }),
    });
  await (await ask(true)).text();
  const response = (await (await ask(false)).json()) as { output: unknown };
  expect(upstream.requests).toHaveLength(1);
  expect(response.output).toMatchObject([{ id: 'msg_1', content: [{ text: 'Hello' }] }]);
});
