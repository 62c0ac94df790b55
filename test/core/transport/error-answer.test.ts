import { expect, test } from 'vitest';
import { statusOfError, strikeOut, toErrorBody } from '../../../core/transport/error-answer.ts';

const shaped = (body: unknown, status = 400) =>
  JSON.parse(
    toErrorBody(
      Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
      status,
      'main',
      'openai',
    ).toString(),
  ) as unknown;

test('an error object passes byte for byte', () => {
  const body = Buffer.from('{ "error": {"message":"m","type":"t","extra":1.0} }');
  expect(toErrorBody(body, 400, 'main', 'openai')).toBe(body);
});

test.each([
  ['OptiLLM, Ollama', { error: 'no model' }, { message: 'no model', type: 'invalid_request_error', code: null }],
  [
    'vLLM',
    { object: 'error', message: 'too long', type: 'BadRequestError', param: null, code: 400 },
    { message: 'too long', type: 'BadRequestError', code: 400 },
  ],
  ['FastAPI', { detail: 'Not Found' }, { message: 'Not Found' }],
  [
    'FastAPI, a list',
    { detail: [{ loc: ['body', 'n'], msg: 'not a number' }, { msg: 'other' }] },
    { message: 'body.n: not a number; other' },
  ],
  ['Bedrock, Cohere', { message: 'throttled' }, { message: 'throttled' }],
  [
    'Gemini',
    [{ error: { code: 400, message: 'bad', status: 'INVALID_ARGUMENT' } }],
    { message: 'bad', code: 'INVALID_ARGUMENT' },
  ],
  [
    'Anthropic',
    { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
    { message: 'Overloaded', type: 'overloaded_error', param: null, code: null },
  ],
  [
    'HTML',
    '<html><body>nginx at http://10.0.0.1</body></html>',
    { message: "The upstream 'main' answered with status 400" },
  ],
  ['nothing', '', { message: "The upstream 'main' answered with status 400" }],
  ['null', 'null', { message: "The upstream 'main' answered with status 400" }],
  ['plain text', 'slow down', { message: 'slow down' }],
])('the shape of %s becomes OpenAI’s', (_, body, error) => {
  expect(shaped(body)).toMatchObject({ error });
  expect(Object.keys((shaped(body) as { error: object }).error).sort()).toEqual(['code', 'message', 'param', 'type']);
});

test('on Anthropic’s wire its own shape is kept, and others become it', () => {
  const own = Buffer.from('{"type":"error","error":{"type":"overloaded_error","message":"m"}}');
  expect(toErrorBody(own, 529, 'main', 'anthropic')).toBe(own);
  expect(JSON.parse(toErrorBody(Buffer.from('<html>'), 529, 'main', 'anthropic').toString())).toEqual({
    type: 'error',
    error: { type: 'overloaded_error', message: "The upstream 'main' answered with status 529" },
  });
});

test('keys are struck out, also where JSON escapes them', () => {
  const body = Buffer.from(String.raw`{"a":"sk-a/b","b":"sk-a\/b","c":"né"}`);
  expect(strikeOut(body, ['sk-a/b']).toString()).toBe('{"a":"[redacted]","b":"[redacted]","c":"né"}');
  expect(strikeOut(body, ['other', ''])).toBe(body);
});

test('a placeholder for a key is struck out as a word of its own, not inside others', () => {
  const body = Buffer.from(String.raw`{"message":"max_tokens: none of k, k-1\nk","param":"max_tokens"}`);
  expect(strikeOut(body, ['k']).toString()).toBe(
    String.raw`{"message":"max_tokens: none of [redacted], [redacted]-1\n[redacted]","param":"max_tokens"}`,
  );
  expect(strikeOut(body, ['k.']).toString()).toBe(body.toString());
});

test('an error in a 200 has the status of its code, else 502', () => {
  expect(statusOfError({ error: { code: 429 } })).toBe(429);
  expect(statusOfError({ error: { code: '503' } })).toBe(503);
  expect(statusOfError({ error: { code: 200 } })).toBe(502);
  expect(statusOfError({ error: { code: 'overloaded' } })).toBe(502);
  expect(statusOfError({ error: 'text' })).toBe(502);
});
