import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import cot from '../../../plugins/approaches/cot_reflection/index.ts';
import { LayoutReader, readLayout } from '../../../plugins/approaches/cot_reflection/layout.ts';
import { runApproach, type RunOptions, type Scripted } from '../../support/scripted-handler.ts';

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
      expect([run.text, run.calls.length, run.completion.choices[0]?.finish_reason]).toEqual(['42', 2, 'stop']);
      expect(run.calls[1]?.request.messages.at(-2)).toEqual({ role: 'assistant', content: 'long' });
      expect(run.calls[1]?.request.stream ?? false).toBe(false);
    }
  });

  test('is empty and cut where that call fails', async () => {
    const run = await ask([{ text: '<thinking>long', finish: 'length' }, { status: 500 }]);
    expect(run.completion.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: '' } });
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

test.each(['honours', 'rejects'] as const)('n gives so many answers (%s)', async (n) => {
  const reply = `${THINKING}<output>42</output>`;
  for (const stream of [false, true]) {
    const run = await ask([reply, reply, reply, reply], { n, request: { n: 3, stream } });
    expect(run.completion.choices.map(({ message }) => message.content)).toEqual(['42', '42', '42']);
  }
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
