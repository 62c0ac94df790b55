import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseExpression, printExpression, readExpression, sequence } from '../../../core/plan/expression.ts';
import { nearest } from '../../../core/nearest.ts';

const SLUGS = ['none', 're2', 'bon', 'moa', 'self_consistency'];
const parse = (text: string) => parseExpression(text, SLUGS, 'optillm_approach');

describe('an expression', () => {
  test('binds & tighter than |, whatever blanks and case', () => {
    expect(parse(' RE2 & moa|Bon')).toEqual([['re2', 'moa'], ['bon']]);
  });

  test('reads none as the identity of &, and as the plain call in |', () => {
    expect(parse('none&moa&none')).toEqual([['moa']]);
    expect(parse('none|moa')).toEqual([['none'], ['moa']]);
    expect(parse('none&none')).toEqual([['none']]);
  });

  test('is read back as it was printed', () => {
    const steps = fc.array(fc.constantFrom('re2', 'bon', 'moa'), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(steps, { minLength: 1, maxLength: 4 }), (branches) => {
        expect(parse(printExpression(branches))).toEqual(branches);
      }),
    );
  });

  test.each([
    ['mao', 'moa'],
    ['self-consistency', 'self_consistency'],
  ])('with %s asks for %s', (slug, hint) => {
    expect(() => parse(slug)).toThrowError(
      expect.objectContaining({
        status: 400,
        code: 'unknown_approach',
        param: 'optillm_approach',
        message: expect.stringContaining(`did you mean '${hint}'? Listed: `),
      }),
    );
  });

  test.each(['moa&', '|moa', 'moa||bon'])('an approach that is missing in %j is said to be missing', (text) => {
    const message = expect.stringContaining('An approach is missing beside an & or |. Listed: ');
    const refusal = expect.objectContaining({ code: 'unknown_approach', param: 'optillm_approach', message });
    expect(() => parseExpression(text, ['moa', 'bon'], 'optillm_approach')).toThrow(refusal);
  });

  test.each(['', 'moa|', '&re2', 'a b'])('is refused where a slug is missing or no word (%o)', (text) => {
    expect(() => parse(text)).toThrowError(
      expect.objectContaining({ status: 400, message: expect.stringContaining('Listed: none, re2') }),
    );
    expect(readExpression(text, (slug) => SLUGS.includes(slug))).toBeUndefined();
  });
});

test('a sequence goes through every branch', () => {
  expect(sequence(parse('re2|none'), parse('moa|bon'))).toEqual([['re2', 'moa'], ['re2', 'bon'], ['moa'], ['bon']]);
});

test('nothing is suggested where nothing is close', () => {
  expect(nearest('temperature', SLUGS)).toBeUndefined();
});
