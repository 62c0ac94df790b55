import { describe, expect, test } from 'vitest';
import type { Message } from '../../../core/index.ts';
import bon from '../../../plugins/approaches/bon/index.ts';
import re2, { repeatQuestion } from '../../../plugins/approaches/re2.ts';
import { runApproach, type RunOptions } from '../../support/scripted-handler.ts';

const ask = (options: Partial<RunOptions> = {}, approach = 're2') =>
  runApproach(approach, { plugins: [re2, bon], script: { answer: (_, index) => `answer ${index}` }, ...options });
const DEFAULTS = { times: 2, maxChars: 20_000 };
const repeated = (content: Message['content'], more = {}) =>
  repeatQuestion([{ role: 'user', content: content ?? null }], { ...DEFAULTS, ...more })[0]?.content;

describe('the last user turn', () => {
  test('is stated twice, the first time where it was', () => {
    expect(repeated('Why?')).toBe('Why?\nRead the question again: Why?');
    expect(repeated('Why?', { times: 3 })).toBe('Why?\nRead the question again: Why?\nRead the question again: Why?');
  });

  test('gets one more text part where it has parts, and no second image', () => {
    const image = { type: 'image_url', image_url: { url: 'data:,' } };
    expect(repeated([image, { type: 'text', text: 'What is it?' }])).toEqual([
      image,
      { type: 'text', text: 'What is it?' },
      { type: 'text', text: '\nRead the question again: What is it?' },
    ]);
  });

  test.each(['', '   ', null])('passes when there is nothing in it (%o)', (content) => {
    expect(repeated(content)).toBe(content);
  });

  test('passes when it is long, or no question', () => {
    const long = 'x'.repeat(30_000);
    expect(repeated(long)).toBe(long);
    const tool = [
      { role: 'user', content: 'Add.' },
      { role: 'tool', tool_call_id: 'c', content: '3' },
    ];
    expect(repeatQuestion(tool, DEFAULTS)).toBe(tool);
  });
});

test('earlier turns and the client’s parameters arrive as they were', async () => {
  const messages = [
    { role: 'user', content: 'One?' },
    { role: 'assistant', content: '1' },
    { role: 'user', content: 'Two?' },
  ];
  const run = await ask({ request: { messages, temperature: 0.2, stop: ['x'], seed: 5 } });
  const sent = run.calls[0]?.request;
  expect(sent).toMatchObject({ temperature: 0.2, stop: ['x'], seed: 5 });
  expect(sent?.messages.slice(0, 2)).toEqual(messages.slice(0, 2));
  expect(sent?.messages[2]?.content).toBe('Two?\nRead the question again: Two?');
});

test.each([
  { n: 'honours', calls: 1 },
  { n: 'rejects', calls: 4 },
] as const)('n gives so many choices ($n)', async ({ n, calls }) => {
  const run = await ask({ n, request: { n: 3 } });
  expect([run.calls.length, run.completion.choices.length]).toEqual([calls, 3]);
});

test('the server’s default n counts once', async () => {
  expect((await ask({ settings: { defaultN: 3 } })).completion.choices.length).toBe(3);
});

test('a stream, and a tool call, pass as they come', async () => {
  const streamed = await ask({ request: { stream: true } });
  expect([streamed.text, streamed.chunks[0]?.id]).toEqual(['answer 0', 'chatcmpl-upstream']);
  const toolCalls = [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }];
  expect((await ask({ script: { answer: [{ toolCalls }] } })).completion.choices[0]?.finish_reason).toBe('tool_calls');
});

test('before an answerer it wraps the generation calls alone', async () => {
  const script = { candidate: ['A', 'B', 'C'], judge: ['Score: 1', 'Score: 2', 'Score: 3'] };
  const run = await ask({ script }, 're2&bon');
  expect([run.text, run.calls.length, run.rounds]).toEqual(['C', 4, 2]);
  const [candidates, judge] = run.calls.map(({ request }) => JSON.stringify(request.messages));
  expect(candidates).toContain('Read the question again');
  expect(judge).not.toContain('Read the question again');
  expect(run.calls[0]?.request.n).toBe(3);
});

test('the trigger goes last, and not where a format is asked for', async () => {
  const request = { re2_cot: true };
  expect(JSON.stringify((await ask({ request })).calls[0]?.request)).toContain('step by step');
  const formatted = { ...request, response_format: { type: 'json_object' } };
  expect(JSON.stringify((await ask({ request: formatted })).calls[0]?.request)).not.toContain('step by step');
});
