import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { disguiseReferences, expand, restoreReferences } from '../../../core/config/environment.ts';

test('fills references anywhere in a text', () => {
  expect(expand('http://${HOST}:${PORT}/v1', { HOST: 'a', PORT: '1' })?.text).toBe('http://a:1/v1');
});

test('takes the default where a name is not set or empty', () => {
  expect(expand('${A:-x y}-${B:-}', { A: '' })?.text).toBe('x y-');
  expect(expand('${A:-x}', { A: 'a' })?.text).toBe('a');
});

test('an unset name without a default undoes the whole text', () => {
  expect(expand('a ${A} ${B}', { B: 'b' })).toEqual({ text: undefined, names: ['A', 'B'], unset: ['A'] });
});

test('an empty variable is unset where it is the whole text, and nothing inside a longer one', () => {
  expect(expand('${A}', { A: '' })?.text).toBeUndefined();
  expect(expand('x${A}', { A: '' })?.text).toBe('x');
});

test('what is filled in is not filled again', () => {
  expect(expand('${A}', { A: '${B}', B: 'b' })?.text).toBe('${B}');
});

test.each(['$A', '${}', '${1}', '${A', 'a}', '${A-b}'])('%s is a plain text', (text) => {
  expect(expand(text, { A: 'x' })).toBeUndefined();
});

test('disguised references keep every position and come back unchanged', () => {
  const reference = fc.constantFrom('${A}', '${A:-b, c}', '${URL:-http://x:1/#y}', '${L:-[1, {2}]');
  fc.assert(
    fc.property(fc.array(fc.oneof(reference, fc.string())), (parts) => {
      const text = parts.join('');
      const disguised = disguiseReferences(text);
      expect(disguised).toHaveLength(text.length);
      expect(restoreReferences(disguised)).toBe(text);
    }),
  );
});
