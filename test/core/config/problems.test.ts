import { expect, test } from 'vitest';
import { printPath, printValue, withoutKeys } from '../../../core/config/problems.ts';

test('paths read as they stand in the file', () => {
  expect(printPath(['plugins', 2, 'retry', 'attempts'])).toBe('plugins[2].retry.attempts');
  expect(printPath(['plugins', 0, './a.ts', 'x'])).toBe('plugins[0]["./a.ts"].x');
});

test.each([
  [['api_key'], 'abc'],
  [['keys', 0], 'abc'],
  [['upstream_keys', 'openai'], 'abc'],
  [['x'], 'sk-abc'],
  [['x'], { key: 'abc' }],
])('what may be a key is not shown: %j %j', (path, value) => {
  expect(printValue(value, path)).not.toContain('abc');
});

test('credentials in an address are not shown', () => {
  expect(printValue('redis://user:secret@host/0', ['url'])).toBe('"redis://…@host/0"');
});

test.each([
  ['https://bob:hunter2@host/v1', 'https://…@host/v1'],
  ['https://hunter2@host/v1', 'https://…@host/v1'],
  ['host/v1?a=1&api_key=hunter2', 'host/v1?a=1&api_key=…'],
  ['use sk-proj-hunter2 or AIzahunter2hunter2', 'use … or …'],
  ['a task-force of hf models at https://api.openai.com/v1', 'a task-force of hf models at https://api.openai.com/v1'],
])('a text is shown without keys: %s', (text, shown) => {
  expect(withoutKeys(text)).toBe(shown);
});
