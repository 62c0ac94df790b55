import { expect, test } from 'vitest';
import { failureOf } from '../../../core/wire/failure.ts';
import { wires } from '../../../core/wire/wires.ts';

const shaped = (body: unknown, status = 400) =>
  JSON.parse(
    wires.chat
      .refusalBody(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), { status, upstream: 'main' })
      .toString(),
  ) as unknown;

test('an error object passes byte for byte', () => {
  const body = Buffer.from('{ "error": {"message":"m","type":"t","extra":1.0} }');
  expect(wires.chat.refusalBody(body, { status: 400, upstream: 'main' })).toBe(body);
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
  expect(wires.messages.refusalBody(own, { status: 529, upstream: 'main' })).toBe(own);
  expect(
    JSON.parse(wires.messages.refusalBody(Buffer.from('<html>'), { status: 529, upstream: 'main' }).toString()),
  ).toEqual({
    type: 'error',
    error: { type: 'overloaded_error', message: "The upstream 'main' answered with status 529" },
  });
});

const statusOf = (body: object) => failureOf(body, '').status;

test('an error in a 200 has the status of its code, else 502', () => {
  expect(statusOf({ error: { code: 429 } })).toBe(429);
  expect(statusOf({ error: { code: '503' } })).toBe(503);
  expect(statusOf({ error: { code: 200 } })).toBe(502);
  expect(statusOf({ error: { code: 'overloaded' } })).toBe(502);
  expect(statusOf({ error: 'text' })).toBe(502);
});
