import { expect, test } from 'vitest';
import { findUsage, UsageTail } from '../../../core/wire/examine.ts';
import { wires } from '../../../core/wire/wires.ts';

test('usage is found by its bytes, never inside a string', () => {
  const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
  const answer = {
    choices: [{ message: { content: '"usage": {"prompt_tokens": 99}' } }],
    usage,
    x_groq: { usage: {} },
  };
  expect(findUsage(Buffer.from(JSON.stringify(answer)))).toEqual(usage);
  expect(findUsage(Buffer.from(JSON.stringify(answer, null, 2)))).toEqual(usage);
  expect(findUsage(Buffer.from('{"usage":null}'))).toBeUndefined();
  expect(findUsage(Buffer.from('{"usage":{"prompt_tokens":'))).toBeUndefined();
});

test('a piped answer keeps its end for the usage', () => {
  const tail = new UsageTail();
  const text = `{"data":"${'x'.repeat(50_000)}","usage":{"prompt_tokens":4,"total_tokens":4}}`;
  for (let i = 0; i < text.length; i += 777) tail.push(Buffer.from(text.slice(i, i + 777)));
  expect(tail.usage).toEqual({ prompt_tokens: 4, total_tokens: 4 });
});

test.each([
  '',
  ' \n',
  'null',
  '[]',
  '"text"',
  '<html></html>',
  '{"choices":[]}',
  '{"choices":null}',
  '{"choices":[{}]',
])('%j is no chat completion', (body) => {
  expect(wires.chat.examine(Buffer.from(body), true)).toMatchObject({ kind: 'unusable' });
});

test('an error in a 200 is an error, a Responses object with its own error member is not', () => {
  expect(wires.chat.examine(Buffer.from('{"error":{"message":"m"}}'), true)).toMatchObject({ kind: 'failure' });
  const response = { object: 'response', error: { message: 'm' }, status: 'failed' };
  expect(wires.responses.examine(Buffer.from(JSON.stringify(response)), true)).toMatchObject({ kind: 'answer' });
});

test('a large answer that could have been cut unnoticed is parsed', () => {
  const whole = `{"data":[{"embedding":"${'A'.repeat(100_000)}"}],"usage":{"prompt_tokens":1,"total_tokens":1}}`;
  const cut = Buffer.from(`${whole.slice(0, -30)}}`);
  expect(wires.embeddings.examine(Buffer.from(whole), true)).toMatchObject({
    kind: 'answer',
    usage: { prompt_tokens: 1 },
  });
  expect(wires.embeddings.examine(cut, false)).toMatchObject({ kind: 'unusable' });
});

test.each(['chat', 'completions', 'embeddings', 'messages', 'responses'] as const)(
  'an empty error and nothing else is no answer of %s',
  (name) => {
    expect(wires[name].examine(Buffer.from('{"error":""}'), true)).toMatchObject({ kind: 'unusable' });
  },
);
