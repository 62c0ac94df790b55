import { describe, expect, test } from 'vitest';
import { Capabilities } from '../../../core/run/capabilities.ts';
import type { ChatRequest, Message } from '../../../core/index.ts';
import bon from '../../../plugins/approaches/bon/index.ts';
import re2, { repeatQuestion } from '../../../plugins/approaches/re2.ts';
import { runApproach, type RunOptions } from '../../support/scripted-handler.ts';

const ask = (options: Partial<RunOptions> = {}, approach: string | null = 're2') =>
  runApproach(approach ?? undefined, {
    plugins: [re2, bon],
    script: { answer: (_, index) => `answer ${index}` },
    ...options,
  });
const QUESTION = 'What is six times seven?';
const CUE = 'Read the question again:';
const textSent = (request: ChatRequest | undefined) => request?.messages.at(-1)?.content;
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
  { n: 'honours', first: [1, 1], later: [1, 1] },
  { n: 'rejects', first: [4, 2], later: [3, 1] },
  { n: 'ignores', first: [3, 2], later: [3, 1] },
] as const)('n gives so many choices ($n)', async ({ n, first, later }) => {
  const capabilities = new Capabilities();
  for (const expected of [first, later]) {
    const run = await ask({ n, capabilities, request: { n: 3 } });
    expect(run.completion.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect([run.calls.length, run.rounds]).toEqual(expected);
    for (const { request } of run.calls) expect(textSent(request)).toBe(`${QUESTION}\n${CUE} ${QUESTION}`);
  }
});

test('a tag is gone from both copies', async () => {
  const content = '<optillm_approach>re2</optillm_approach>Why?';
  const run = await ask({ request: { messages: [{ role: 'user', content }] } }, null);
  expect(textSent(run.calls[0]?.request)).toBe(`Why?\n${CUE} Why?`);
});

test('a long prompt passes once, as the bytes it came in', async () => {
  const messages = [{ role: 'user', content: 'x'.repeat(30_000) }];
  const run = await ask({ request: { messages } });
  expect(run.calls[0]?.request.messages).toEqual(messages);
  const short = await ask({ request: { messages: [{ role: 'user', content: 'Why?' }], re2_max_chars: 3 } });
  expect(textSent(short.calls[0]?.request)).toBe('Why?');
});

test('an image is sent once, whatever follows', async () => {
  const image = { type: 'image_url', image_url: { url: 'data:,' } };
  const messages = [{ role: 'user', content: [image, { type: 'text', text: 'What is it?' }] }];
  const run = await ask({ request: { messages } });
  expect(run.calls[0]?.request.messages[0]?.content).toEqual([
    image,
    { type: 'text', text: 'What is it?' },
    { type: 'text', text: `\n${CUE} What is it?` },
  ]);
});

test('a conversation that ends in a tool result passes as it is', async () => {
  const messages = [
    { role: 'user', content: 'Add.' },
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'add', arguments: '{}' } }],
    },
    { role: 'tool', tool_call_id: 'c', content: '3' },
  ];
  const run = await ask({ request: { messages } });
  expect([run.text, run.calls[0]?.request.messages]).toEqual(['answer 0', messages]);
});

test.each([400, 401, 429, 500])('an upstream’s %i passes as it is', async (status) => {
  const run = await ask({ script: { answer: [{ status, error: { message: 'no', code: 'x', param: null } }] } });
  expect([run.reply.status, run.completion]).toMatchObject([status, { error: { message: 'no', code: 'x' } }]);
});

test('the reply is not trimmed', async () => {
  expect((await ask({ script: { answer: [' 42\n'] } })).text).toBe(' 42\n');
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

test('the trigger goes after the last copy', async () => {
  expect(repeated('Why?', { trigger: 'Think.' })).toBe('Why?\nRead the question again: Why?\nThink.');
  const run = await ask({ request: { re2_cot: true, re2_times: 3 } });
  expect(textSent(run.calls[0]?.request)).toBe(
    `${QUESTION}\n${CUE} ${QUESTION}\n${CUE} ${QUESTION}\nLet's think step by step.`,
  );
});

test.each([
  { response_format: { type: 'json_object' } },
  { tools: [{ type: 'function', function: { name: 'f' } }] },
  { reasoning_effort: 'high' },
  { model: 'o3-mini' },
])('there is no trigger beside %o', async (given) => {
  const run = await ask({ request: { re2_cot: true, ...given } });
  expect(textSent(run.calls[0]?.request)).toBe(`${QUESTION}\n${CUE} ${QUESTION}`);
});

test.each([{ re2_times: 1 }, { re2_times: 4 }, { re2_max_chars: 0 }, { re2_cot: 1 }])(
  'refuses %o, naming the field',
  async (given) => {
    const [field] = Object.keys(given);
    const refused = ask({ request: { optigate: { re2: given } } });
    await expect(refused).rejects.toMatchObject({ status: 400, param: `optigate.re2.${field}` });
  },
);
