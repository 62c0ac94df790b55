import { expect, test } from 'vitest';
import type { ChatRequest } from '../../../core/index.ts';
import { SUM, TOOL, bodyOf, complete, reply, textIn } from './demo-call.ts';

test('calls the first tool, or the one that is chosen, with arguments of its schema', async () => {
  const other = { type: 'function', function: { name: 'other', parameters: { type: 'object', properties: {} } } };
  const first = await complete({ text: SUM, request: { tools: [TOOL, other] } });
  const [called] = first.choices[0]!.message.tool_calls!;
  expect(first.choices[0]).toMatchObject({ finish_reason: 'tool_calls', message: { content: null } });
  expect(called).toMatchObject({ type: 'function', function: { name: 'weather' } });
  expect(JSON.parse(called!.function!.arguments)).toEqual({ city: expect.stringMatching(/^\[demo\]/), days: 3 });
  const choice = { type: 'function', function: { name: 'other' } };
  const chosen = await complete({ text: SUM, request: { tools: [TOOL, other], tool_choice: choice } });
  expect(chosen.choices[0]!.message.tool_calls![0]!.function!.name).toBe('other');
  const none = await complete({ text: SUM, request: { tools: [TOOL], tool_choice: 'none' } });
  expect(none.choices[0]!.finish_reason).toBe('stop');
});

test('answers with what a tool said, and does not call again', async () => {
  const { choices } = await complete({
    request: {
      tools: [TOOL],
      messages: [
        { role: 'user', content: 'Weather?' },
        { role: 'assistant', content: null, tool_calls: [{ id: 'a', type: 'function' }] },
        { role: 'tool', tool_call_id: 'a', content: 'rain' },
      ],
    },
  });
  expect(choices[0]!.message.content).toBe('[demo] The tool answered: rain');
});

test('a JSON answer conforms to the schema asked for', async () => {
  const schema = { type: 'object', properties: { result: { type: 'number' }, note: { type: 'string' } } };
  const { choices } = await complete({
    text: SUM,
    request: { response_format: { type: 'json_schema', json_schema: { name: 'x', schema } } },
  });
  const value = JSON.parse(textIn(choices));
  expect(value).toEqual({ result: expect.any(Number), note: expect.stringMatching(/^\[demo\]/) });
  expect(value.note).toContain(`Final answer: ${value.result}`);
});

test('embeddings are near where texts share words, and come as floats or base64', async () => {
  const ask = (body: object) => reply({ operation: 'embeddings', request: body });
  const floats = (await bodyOf(await ask({ input: ['a red fox', 'the red fox', 'stock prices'] }))) as unknown as {
    data: { embedding: number[]; index: number }[];
    usage: object;
  };
  const [a, b, c] = floats.data.map(({ embedding }) => embedding);
  const near = (x: number[], y: number[]) => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  expect(near(a!, b!)).toBeGreaterThan(near(a!, c!) + 0.3);
  expect(near(a!, a!)).toBeCloseTo(1, 5);
  const coded = (await bodyOf(await ask({ input: 'a red fox', encoding_format: 'base64' }))) as unknown as {
    data: { embedding: string }[];
  };
  const bytes = Buffer.from(coded.data[0]!.embedding, 'base64');
  expect(Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4))).toEqual(a);
  expect(floats.usage).toEqual({ prompt_tokens: 8, total_tokens: 8 });
  expect((await ask({ input: [] })).status).toBe(400);
});

test('plain completions give n choices for each prompt, in order', async () => {
  const request = { prompt: [SUM, 'hi'], n: 2 } as unknown as Partial<ChatRequest>;
  const body = (await bodyOf(await reply({ operation: 'completions', request }))) as unknown as {
    object: string;
    choices: { text: string; index: number }[];
  };
  expect(body.object).toBe('text_completion');
  expect(body.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
  expect(body.choices.map(({ text }) => text.includes('canned'))).toEqual([false, false, true, true]);
});
