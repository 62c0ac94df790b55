import { describe, expect, test } from 'vitest';
import { checkJson, isJson } from '../../../core/server/body.ts';

const nested = (depth: number) => Buffer.from(`{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`);

describe('a JSON body', () => {
  test('may be nested 128 levels deep, its own brackets included, and no deeper', () => {
    expect(() => checkJson(nested(128), true)).not.toThrow();
    expect(() => checkJson(nested(129), true)).toThrow(/deeper than 128/);
  });

  test('counts no brackets inside strings', () => {
    expect(() => checkJson(Buffer.from(JSON.stringify({ a: '['.repeat(500) })), true)).not.toThrow();
  });

  test('may not give a top-level key twice, however it is spelled', () => {
    expect(() => checkJson(Buffer.from('{"model":"a","model":"b"}'), true)).toThrow(
      expect.objectContaining({ status: 400, param: 'model' }),
    );
    expect(() => checkJson(Buffer.from('{"model":"a","mod\\u0065l":"b"}'), true)).toThrow(
      expect.objectContaining({ param: 'model' }),
    );
    expect(() => checkJson(Buffer.from('{"a":{"x":1,"x":2}}'), true)).not.toThrow();
  });

  test.each([
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['trailing bytes', Buffer.from('{"a":1} x')],
    ['an array', Buffer.from('[1]')],
    ['null', Buffer.from('null')],
    ['nothing', Buffer.alloc(0)],
    ['half an object', Buffer.from('{"a":')],
  ])('is refused with a 400 when it is %s', (_name, bytes) => {
    expect(() => checkJson(bytes, true)).toThrow(expect.objectContaining({ status: 400, code: 'invalid_json' }));
  });

  test('keeps __proto__ as data', () => {
    const { value } = checkJson<Record<string, unknown>>(Buffer.from('{"__proto__":{"admin":true}}'), true);
    expect(Object.hasOwn(value, '__proto__')).toBe(true);
    expect(Reflect.get({}, 'admin')).toBeUndefined();
  });

  test('a syntax error does not repeat the text around it', () => {
    expect(() => checkJson(Buffer.from('{"secret": sk-12345}'), true)).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('sk-12345') }),
    );
  });
});

describe('a content type', () => {
  test.each([
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON;charset="UTF-8"',
    'application/vnd.api+json',
  ])('%s is JSON', (type) => expect(isJson(type)).toBe(true));
  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    undefined,
    'application/jsonp',
  ])('%s is not', (type) => expect(isJson(type)).toBe(false));
  test('JSON in another charset is refused', () => {
    expect(() => isJson('application/json; charset=latin1')).toThrow(expect.objectContaining({ status: 415 }));
  });
});
