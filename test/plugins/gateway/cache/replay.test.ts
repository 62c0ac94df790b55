import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { SseDecoder, wires } from '../../../../core/index.ts';
import type { Entry, Form } from '../../../../plugins/gateway/cache/entry.ts';
import { render } from '../../../../plugins/gateway/cache/replay.ts';
import { eventsOf, USAGE } from './pipeline.ts';

const entry = (form: 'complete' | 'stream', body: Buffer | string): Entry => ({
  storedAt: 0,
  expiresAt: 1,
  form,
  headers: [],
  body: Buffer.from(body),
});
const toForm = (from: 'complete' | 'stream', body: Buffer | string, form: Form, operation: keyof typeof wires) =>
  render(entry(from, body), form, wires[operation])?.toString();

/** complete → stream → complete. */
function roundTrip(completion: object, operation: keyof typeof wires): unknown {
  const events = toForm('complete', JSON.stringify(completion), 'stream_with_usage', operation);
  return JSON.parse(toForm('stream', events!, 'complete', operation)!);
}

const text = fc.string({ unit: 'grapheme' });
const toolCall = fc.record({
  id: fc.uuid(),
  type: fc.constant('function'),
  function: fc.record({ name: fc.stringMatching(/^\w{1,8}$/), arguments: text }),
});
const logprobs = fc.record({ content: fc.array(fc.record({ token: text, logprob: fc.integer() })) });
const message = fc.record(
  {
    role: fc.constant('assistant'),
    content: fc.option(text),
    refusal: fc.option(text),
    reasoning_content: text,
    tool_calls: fc.array(toolCall, { minLength: 1 }),
    annotations: fc.array(fc.record({ type: fc.constant('url_citation') }), { minLength: 1 }),
    audio: fc.record({ id: fc.uuid(), data: fc.base64String(), expires_at: fc.nat(), transcript: text }),
  },
  { requiredKeys: ['role', 'content'] },
);
const choice = (index: number) =>
  fc.record({
    index: fc.constant(index),
    message,
    logprobs: fc.option(logprobs),
    finish_reason: fc.constantFrom('stop', 'length', 'tool_calls'),
  });
const top = { id: fc.uuid(), created: fc.nat(), model: text.filter(Boolean), usage: fc.constant(USAGE) };
const completion = fc.record({
  ...top,
  object: fc.constant('chat.completion'),
  choices: fc
    .integer({ min: 1, max: 3 })
    .chain((count) => fc.tuple(...Array.from({ length: count }, (_, k) => choice(k)))),
  system_fingerprint: fc.option(text),
  citations: fc.array(fc.webUrl()),
});

test('chat: a completion told as a stream says the same', () => {
  fc.assert(
    fc.property(completion, (value) => {
      expect(roundTrip(value, 'chat')).toEqual(value);
    }),
  );
});

test('completions: a completion told as a stream says the same', () => {
  const textChoice = (index: number) =>
    fc.record({
      index: fc.constant(index),
      text,
      logprobs: fc.option(fc.record({ tokens: fc.array(text), text_offset: fc.array(fc.nat()) })),
      finish_reason: fc.constantFrom('stop', 'length'),
    });
  const value = fc.record({
    ...top,
    object: fc.constant('text_completion'),
    choices: fc.tuple(textChoice(0), textChoice(1)),
  });
  fc.assert(
    fc.property(value, (made) => {
      expect(roundTrip(made, 'completions')).toEqual(made);
    }),
  );
});

test('messages: a message told as a stream says the same', () => {
  const block = fc.oneof(
    fc.record({ type: fc.constant('text'), text }),
    fc.record({ type: fc.constant('text'), text, citations: fc.array(fc.record({ cited_text: text })) }),
    fc.record({ type: fc.constant('thinking'), thinking: text, signature: text }),
    fc.record({ type: fc.constant('tool_use'), id: fc.uuid(), name: text, input: fc.dictionary(text, fc.jsonValue()) }),
    fc.record({ type: fc.constant('redacted_thinking'), data: text }),
  );
  const value = fc.record({
    id: fc.uuid(),
    type: fc.constant('message'),
    role: fc.constant('assistant'),
    model: text,
    content: fc.array(block),
    stop_reason: fc.constantFrom('end_turn', 'tool_use'),
    stop_sequence: fc.option(text),
    usage: fc.constant({ input_tokens: 3, output_tokens: 2 }),
  });
  fc.assert(
    fc.property(value, (made) => {
      expect(roundTrip(made, 'messages')).toEqual(JSON.parse(JSON.stringify(made)));
    }),
  );
});

test('responses: the stream ends with the response, and its events are numbered', () => {
  const response = {
    id: 'resp_1',
    object: 'response',
    status: 'completed',
    output: [
      { id: 'rs_1', type: 'reasoning', summary: [{ type: 'summary_text', text: 'Hm' }] },
      {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text: 'Hi', annotations: [] }],
      },
      { id: 'fc_1', type: 'function_call', call_id: 'call_1', name: 'f', arguments: '{}', status: 'completed' },
      { id: 'ws_1', type: 'web_search_call', status: 'completed' },
    ],
    usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 },
  };
  const events = new SseDecoder()
    .push(Buffer.from(toForm('complete', JSON.stringify(response), 'stream', 'responses')!))
    .map(({ data }) => JSON.parse(data) as Record<string, unknown>);

  expect(roundTrip(response, 'responses')).toEqual(response);
  expect(events.map((event) => event['sequence_number'])).toEqual(events.map((_, index) => index));
  expect(events.map((event) => String(event['type']).slice('response.'.length))).toEqual([
    'created',
    'in_progress',
    'output_item.added',
    'reasoning_summary_part.added',
    'reasoning_summary_text.delta',
    'reasoning_summary_text.done',
    'reasoning_summary_part.done',
    'output_item.done',
    'output_item.added',
    'content_part.added',
    'output_text.delta',
    'output_text.done',
    'content_part.done',
    'output_item.done',
    'output_item.added',
    'function_call_arguments.delta',
    'function_call_arguments.done',
    'output_item.done',
    'output_item.added',
    'output_item.done',
    'completed',
  ]);
});

test('joins fragments: tool calls by index, logprobs, choices out of order', () => {
  const chunk = (choices: object[], more: object = {}) =>
    `data: ${JSON.stringify({ id: '', model: '', ...more, choices })}\n\n`;
  const call = (fields: object) => ({ index: 0, delta: { tool_calls: [fields] } });
  const stream = [
    chunk([], { prompt_filter_results: [] }),
    chunk([{ index: 1, delta: { role: 'assistant', content: 'b' } }], { id: 'c', model: 'm', created: 1 }),
    chunk([call({ index: 0, id: 'call_1', type: 'function', function: { name: 'f', arguments: '' } })], { id: 'c' }),
    chunk([call({ index: 1, id: 'call_2', type: 'function', function: { name: 'g', arguments: '{' } })]),
    chunk([call({ index: 0, function: { arguments: '{"a"' } })]),
    chunk([call({ index: 0, function: { arguments: ':1}' } })]),
    chunk([call({ index: 1, id: 'call_2', function: { name: 'g', arguments: '}' } })]),
    chunk([{ index: 1, delta: {}, finish_reason: 'stop' }]),
    ': a comment\n\n',
    chunk([{ index: 0, delta: {}, finish_reason: 'tool_calls' }]),
    chunk([], { usage: USAGE }),
    'data: [DONE]\n\n',
  ].join('');

  expect(JSON.parse(toForm('stream', stream, 'complete', 'chat')!)).toMatchObject({
    id: 'c',
    model: 'm',
    object: 'chat.completion',
    usage: USAGE,
    choices: [
      {
        index: 0,
        finish_reason: 'tool_calls',
        message: {
          content: null,
          tool_calls: [
            { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } },
            { id: 'call_2', type: 'function', function: { name: 'g', arguments: '{}' } },
          ],
        },
      },
      { index: 1, finish_reason: 'stop', message: { content: 'b' } },
    ],
  });
});

test.each([
  ['usage', eventsOf(['hi'], { usage: false })],
  ['a finish reason', eventsOf(['hi']).filter((event) => !event.includes('"stop"'))],
  ['choices', [`data: {"id":"x","choices":[],"usage":${JSON.stringify(USAGE)}}\n\n`]],
])('a stream without %s makes no completion', (_what, events) => {
  expect(toForm('stream', events.join(''), 'complete', 'chat')).toBeUndefined();
});

test('embeddings have one form', () => {
  expect(toForm('complete', '{"data":[]}', 'stream', 'embeddings')).toBeUndefined();
});
