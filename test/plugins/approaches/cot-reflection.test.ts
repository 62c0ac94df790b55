import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Capabilities } from '../../../core/run/capabilities.ts';
import { definePlugin, z, type Chunk } from '../../../core/index.ts';
import { changedStream } from '../../../core/approach/index.ts';
import cot from '../../../plugins/approaches/cot_reflection/index.ts';
import { LayoutReader, readLayout } from '../../../plugins/approaches/cot_reflection/layout.ts';
import { countThinking } from '../../../plugins/approaches/cot_reflection/reasoning-tokens.ts';
import { runApproach, USAGE, type RunOptions, type Scripted } from '../../support/scripted-handler.ts';

const ask = (answer: readonly Scripted[], options: Partial<RunOptions> = {}) =>
  runApproach('cot_reflection', { plugins: [cot], script: { answer }, ...options });
const THINKING = '<thinking>\n6*7\n<reflection>fine</reflection>\n</thinking>\n';
const FENCE = '```xml\n<output>x</output>\n```';

const CASES: readonly { readonly name: string; readonly reply: Scripted; readonly answer: string }[] = [
  { name: 'the output', reply: `${THINKING}<output>\n42\n</output>`, answer: '42' },
  { name: 'what follows the thinking, without an output', reply: `${THINKING}It is 42.`, answer: 'It is 42.' },
  { name: 'all of it, without any tag', reply: 'It is 42.', answer: 'It is 42.' },
  {
    name: 'the output outside the thinking',
    reply: '<thinking>a <output>b</output></thinking><output>c</output>',
    answer: 'c',
  },
  { name: 'an output without its closing tag', reply: `${THINKING}<output>4`, answer: '4' },
  { name: 'a fence with the closing tag in it', reply: `${THINKING}<output>\n${FENCE}\n</output>`, answer: FENCE },
  { name: 'a fence that nobody closed', reply: `${THINKING}<output>\`\`\`js\nf()\n</output>`, answer: '```js\nf()' },
  { name: 'no output in a fence before it', reply: `${FENCE}\n<output>42</output>`, answer: '42' },
  {
    name: 'the output after a reasoning block',
    reply: `<think>hm <output>1</output></think>${THINKING}<output>42</output>`,
    answer: '42',
  },
  {
    name: 'what follows reasoning whose opening tag is missing',
    reply: 'hm <b> </think>\nIt is 42.',
    answer: 'It is 42.',
  },
  { name: 'the output in thinking that was never closed', reply: '<thinking>so <output>42</output>', answer: '42' },
  { name: 'a partial output that was cut', reply: { text: `${THINKING}<output>4`, finish: 'length' }, answer: '4' },
];

describe('the answer', () => {
  test.each(CASES)('is $name', async ({ reply, answer }) => {
    const run = await ask([reply]);
    expect([run.text, run.calls.length]).toEqual([answer, 1]);
    expect(run.completion.choices[0]?.finish_reason).toBe(typeof reply === 'string' ? 'stop' : 'length');
  });

  test.each(CASES)('is $name in a stream, too', async ({ reply, answer }) => {
    const run = await ask([reply], { request: { stream: true } });
    expect([run.text, run.calls.length]).toEqual([answer, 1]);
    expect(JSON.stringify(run.chunks)).not.toMatch(/6\*7/);
  });

  test('is the last of several, where all of it is there', async () => {
    expect((await ask(['<output>first</output> no: <output>second</output>'])).text).toBe('second');
  });

  test('comes from a second call where the thinking was cut', async () => {
    for (const stream of [false, true]) {
      const run = await ask([{ text: '<thinking>long', finish: 'length' }, '42'], { request: { stream } });
      expect(run.rounds).toBe(2);
      expect([run.text, run.calls.length, run.completion.choices[0]?.finish_reason]).toEqual(['42', 2, 'stop']);
      expect(run.calls[1]?.request.messages.at(-2)).toEqual({ role: 'assistant', content: 'long' });
      expect(run.calls[1]?.request.stream ?? false).toBe(false);
    }
  });

  test('is empty and cut where that call fails', async () => {
    const run = await ask([{ text: '<thinking>long', finish: 'length' }, { status: 500 }]);
    expect(run.completion.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: '' } });
    expect([run.calls.length, run.exchange.isPartial]).toEqual([2, true]);
    expect(run.exchange.headers.get('x-optigate-degraded')).toBe('answer_failed');
  });

  test('is empty and cut where the budget has no second call', async () => {
    const request = { optigate: { max_calls: 1 } };
    const run = await ask([{ text: '<thinking>long', finish: 'length' }], { request });
    expect(run.completion.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: '' } });
    expect([run.calls.length, run.exchange.headers.get('x-optigate-degraded')]).toEqual([1, 'budget']);
  });

  test('comes from a second call where a reasoning block was cut', async () => {
    const run = await ask([{ text: '<think>long', finish: 'length' }, '42']);
    expect([run.text, run.rounds, run.completion.usage?.total_tokens]).toEqual(['42', 2, 2 * 15]);
    expect(run.calls[1]?.request.messages.at(-2)).toEqual({ role: 'assistant', content: 'long' });
  });

  test.each([400, 401, 429, 500])('is the upstream’s own where it answers %i', async (status) => {
    const run = await ask([{ status, error: { message: 'no', code: 'x', param: null } }]);
    expect([run.reply.status, run.completion]).toMatchObject([status, { error: { message: 'no' } }]);
  });

  test('is asked for once more where nothing came, and then an error', async () => {
    expect((await ask([{ text: null }, '<output>42</output>'])).text).toBe('42');
    await expect(ask([{ text: null }, { text: null }])).rejects.toMatchObject({ status: 502 });
  });

  test('may be a tool call or filtered: those pass', async () => {
    const toolCalls = [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }];
    expect((await ask([{ toolCalls }])).completion.choices[0]?.message.tool_calls).toEqual(toolCalls);
    expect((await ask([{ text: '', finish: 'content_filter' }])).completion.choices[0]?.finish_reason).toBe(
      'content_filter',
    );
  });
});

test.each([false, true])('reasoning that never ended is concluded by a second call (stream: %s)', async (stream) => {
  const run = await ask(['<think>hm, 42', '42'], { request: { stream } });
  expect([run.text, run.calls.length]).toEqual(['42', 2]);
  expect(run.calls[1]?.request.messages.at(-2)).toEqual({ role: 'assistant', content: 'hm, 42' });
  expect((await ask(['The <think> tag opens it.'], { request: { stream } })).text).toContain('tag opens it.');
  expect((await ask(['<think>hm <output>42</output>'], { request: { stream } })).text).toBe('42');
});

test('a stream that names no end of its choice is answered all the same', async () => {
  const extra = { finish_reason: null };
  const plain = await ask([{ text: 'just words', extra }], { request: { stream: true } });
  expect([plain.text, plain.calls.length]).toEqual(['just words', 1]);
  const empty = await ask([{ text: '', extra }, '<output>42</output>'], { request: { stream: true } });
  expect([empty.text, empty.calls.length]).toEqual(['42', 2]);
});

test('return_full_response returns all of it, for that request alone', async () => {
  const reply = `${THINKING}<output>42</output>`;
  expect((await ask([reply], { request: { return_full_response: true } })).text).toBe(reply);
  expect((await ask([reply])).text).toBe('42');
});

test('include_reasoning puts the thinking beside the answer', async () => {
  for (const stream of [false, true]) {
    const run = await ask([`${THINKING}<output>42</output>`], { request: { include_reasoning: true, stream } });
    expect(run.completion.choices[0]?.message).toMatchObject({
      content: '42',
      reasoning_content: expect.stringContaining('6*7'),
    });
  }
});

test('the client’s temperature counts, else the option', async () => {
  expect((await ask(['<output>1</output>'], { request: { temperature: 0 } })).calls[0]?.request.temperature).toBe(0);
  expect((await ask(['<output>1</output>'])).calls[0]?.request.temperature).toBe(0.6);
  const request = { optigate: { cot_reflection: { temperature: 0.1 } } };
  expect((await ask(['<output>1</output>'], { request })).calls[0]?.request.temperature).toBe(0.1);
});

test.each([
  { n: 'honours', calls: 1 },
  { n: 'rejects', calls: 3 },
] as const)('n gives so many answers in one round ($n)', async ({ n, calls }) => {
  const reply = `${THINKING}<output>42</output>`;
  for (const stream of [false, true]) {
    const capabilities = new Capabilities();
    for (const isKnown of [false, true]) {
      const run = await ask([reply, reply, reply, reply], { n, capabilities, request: { n: 3, stream } });
      expect(run.completion.choices.map(({ message }) => message.content)).toEqual(['42', '42', '42']);
      if (isKnown) expect([run.calls.length, run.rounds]).toEqual([calls, 1]);
    }
  }
});

describe('the thinking counts as reasoning tokens', () => {
  const reply = `<thinking>${'x'.repeat(80)}</thinking><output>42</output>`;
  const estimate = { reasoning_tokens: 20, reasoning_tokens_estimated: 20 };

  test.each([false, true])('as an estimate, where the upstream tells none (stream: %s)', async (stream) => {
    const request = { stream, ...(stream ? { stream_options: { include_usage: true } } : {}) };
    const run = await ask([reply], { request });
    expect(run.completion.usage).toEqual({ ...USAGE, completion_tokens_details: estimate });
  });

  test('of all choices, and beside the usage of a second call', async () => {
    const many = await ask([reply, reply, reply], { request: { n: 3 } });
    expect(many.completion.usage?.completion_tokens_details?.['reasoning_tokens']).toBe(60);
    const cut = await ask([{ text: `<thinking>${'x'.repeat(40)}`, finish: 'length' }, '42']);
    expect(cut.completion.usage).toMatchObject({
      total_tokens: 30,
      completion_tokens_details: { reasoning_tokens: 10 },
    });
  });

  test('not where the upstream counts them, or nothing was thought, or there is no usage', async () => {
    const { exchange } = await ask([reply]);
    const call = { exchange, trace: exchange.trace } as Parameters<typeof countThinking>[2];
    const reported = { ...USAGE, completion_tokens_details: { reasoning_tokens: 0 } };
    expect(countThinking(['xxxx'], reported, call)).toBe(reported);
    expect(countThinking([''], USAGE, call)).toBe(USAGE);
    expect(countThinking(['xxxx'], undefined, call)).toBeUndefined();
    expect((await ask(['<output>42</output>'])).completion.usage).toEqual({
      ...USAGE,
      completion_tokens_details: { reasoning_tokens: 0 },
    });
  });
});

test('the trace says why there was a second call', async () => {
  const request = { optigate: { trace: true } };
  const run = await ask([{ text: '<thinking>long', finish: 'length' }, '42'], { request });
  expect(run.completion['optigate']).toMatchObject({
    cot_reflection: { second_call: true, why: 'the thinking was cut at first' },
  });
});

test('a stream that comes letter by letter shows no thinking and no part of a tag', async () => {
  const reply = `${THINKING}<output>\n<b>4</b>2 </output>`;
  const run = await runApproach('letters&cot_reflection', {
    plugins: [cot, letters],
    script: { answer: [reply] },
    request: { stream: true },
  });
  const shown = run.chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta.content ?? ''));
  expect(shown.join('')).toBe('<b>4</b>2');
  expect(shown.filter((text) => text !== '')).toEqual(['<b', '>', '4', '</b', '>', '2']);
});

/** Cuts a stream into letters. */
const letters = definePlugin({
  name: 'letters',
  description: 'Cuts a stream into letters.',
  options: z.strictObject({}),
  apply({ approaches }) {
    approaches.add('letters', {
      kind: 'transformer',
      per: 'call',
      async run(call, next) {
        const reply = await next(call);
        return reply.kind === 'stream' ? changedStream(reply, call, { change: inLetters }) : reply;
      },
    });
  },
});

function inLetters(chunk: Chunk): Chunk[] {
  const [choice] = chunk.choices;
  const text = choice?.delta.content;
  if (!choice || typeof text !== 'string' || text === '') return [chunk];
  return text.split('').map((content, index) => ({
    ...chunk,
    choices: [{ ...choice, delta: index === 0 ? { ...choice.delta, content } : { content } }],
  }));
}

test('the instruction follows the client’s own, and the turns stay', async () => {
  const messages = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Add.' },
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'add', arguments: '{}' } }],
    },
    { role: 'tool', tool_call_id: 'c', content: '3' },
  ];
  const run = await ask(['<output>3</output>'], { request: { messages, stop: ['END'], vendor: 1 } });
  const sent = run.calls[0]?.request;
  expect(sent?.messages[0]?.content).toMatch(/^Be brief\.\n\n/);
  expect(sent?.messages.slice(1)).toEqual(messages.slice(1));
  expect(sent).toMatchObject({ stop: ['END'], vendor: 1, max_tokens: 4096 });
});

test('with tools or a format it is the plain call, and says so', async () => {
  const run = await ask(['{}'], { request: { response_format: { type: 'json_object' } } });
  expect(run.calls[0]?.request.messages.length).toBe(1);
  expect(run.exchange.headers.get('x-optigate-degraded')).toContain('cot_reflection');
});

describe('the reader', () => {
  test('says the same however the text is cut', () => {
    const parts = fc.constantFrom(
      '<thinking>',
      '</thinking>',
      '<output>',
      '</output>',
      '```\n',
      '\n```\n',
      'a',
      ' b',
      '\n',
      '<',
      '</out',
      '<think>',
      '</think>',
    );
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 14 }), fc.array(fc.nat(6)), (texts, cuts) => {
        const text = texts.join('');
        const whole = new LayoutReader(true);
        const expected = [...whole.push(text), ...whole.end(false)].map((piece) => piece.text).join('');
        const reader = new LayoutReader(true);
        const pieces: string[] = [];
        let at = 0;
        for (const cut of [...cuts, text.length]) {
          pieces.push(...reader.push(text.slice(at, at + cut)).map((piece) => piece.text));
          at += cut;
        }
        pieces.push(
          ...reader.push(text.slice(at)).map((piece) => piece.text),
          ...reader.end(false).map((piece) => piece.text),
        );
        expect(pieces.join('')).toBe(expected);
      }),
    );
  });

  test('gives an answer within one letter of its tag', () => {
    const reader = new LayoutReader(true);
    const shown = '<thinking>x</thinking><output>42</output>'
      .split('')
      .map((letter) => reader.push(letter).filter(({ kind }) => kind === 'answer'));
    expect(shown.findIndex((pieces) => pieces.length > 0)).toBe('<thinking>x</thinking><output>4'.length - 1);
  });

  test('tells a thought that was cut from one that was not', () => {
    expect(readLayout('<thinking>x', true)).toMatchObject({ needsRepair: true, thinking: 'x', answer: '' });
    expect(readLayout('<thinking>x', false)).toMatchObject({ needsRepair: false, answer: 'x' });
  });
});
