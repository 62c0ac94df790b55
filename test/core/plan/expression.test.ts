import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isExpression,
  parseExpression,
  printExpression,
  sequence,
  type Listed,
} from '../../../core/plan/expression.ts';
import { nearest } from '../../../core/nearest.ts';

const SLUGS = ['none', 're2', 'bon', 'moa', 'self_consistency'];
const listing = (slugs: readonly string[]): Listed => ({
  slugs,
  get: (slug) => (slugs.includes(slug) ? { kind: slug === 're2' ? 'transformer' : 'answerer' } : undefined),
});
const LISTED = listing(SLUGS);
const PARAM = 'optillm_approach';
const parse = (text: string) => parseExpression(text, LISTED, PARAM);
const inSequence = (first: string, second: string) => sequence(parse(first), parse(second), LISTED, PARAM);

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
    const steps = fc.array(fc.constantFrom('self_consistency', 'bon', 'moa'), { minLength: 1, maxLength: 4 });
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
    expect(() => parseExpression(text, listing(['moa', 'bon']), PARAM)).toThrow(refusal);
  });

  test.each(['', 'moa|', '&re2', 'a b'])('is refused where a slug is missing or no word (%o)', (text) => {
    expect(() => parse(text)).toThrowError(
      expect.objectContaining({ status: 400, message: expect.stringContaining('Listed: none, re2') }),
    );
    expect(isExpression(text, LISTED)).toBe(false);
  });
});

test('a sequence goes through every branch', () => {
  expect(inSequence('re2|none', 'moa|bon')).toEqual([['re2', 'moa'], ['re2', 'bon'], ['moa'], ['bon']]);
});

describe('the size of an expression', () => {
  const many = (text: string, glue: string, count: number) => Array<string>(count).fill(text).join(glue);
  const tooLarge = expect.objectContaining({
    status: 400,
    code: 'invalid_value',
    param: PARAM,
    message: expect.stringContaining('16 branches (|) and 16 steps'),
  });

  test('may be 16 branches, or 16 steps', () => {
    expect(parse(many('bon', '|', 16))).toHaveLength(16);
    expect(parse(many('bon', '&', 16))[0]).toHaveLength(16);
    expect(parse(many('bon&moa', '|', 8)).flat()).toHaveLength(16);
  });

  test.each([many('bon', '|', 17), many('none', '|', 10_000), many('bon', '&', 17), many('bon&moa', '|', 9)])(
    'is refused beyond that: %#',
    (text) => {
      expect(() => parse(text)).toThrow(tooLarge);
    },
  );

  test('counts in a sequence, too', () => {
    expect(inSequence(many('bon', '|', 4), 'moa|moa').flat()).toHaveLength(16);
    expect(() => inSequence(many('bon', '|', 4), many('moa', '|', 3))).toThrow(tooLarge);
    expect(() => inSequence(many('none', '|', 5), many('none', '|', 4))).toThrow(tooLarge);
  });

  test('holds a transformer once in each branch', () => {
    expect(parse('re2&bon|re2&moa')).toHaveLength(2);
    expect(parse('bon&bon')).toEqual([['bon', 'bon']]);
    for (const refused of [() => parse('moa|re2&bon&re2'), () => inSequence('re2', 'bon|re2')])
      expect(refused).toThrow(
        expect.objectContaining({ status: 400, message: expect.stringContaining("'re2' stands") }),
      );
  });
});

test('nothing is suggested for a word of more than 64 letters', () => {
  expect(nearest(`${'a'.repeat(62)}bc`, ['a'.repeat(64)])).toBeDefined();
  expect(nearest(`${'a'.repeat(63)}bc`, ['a'.repeat(65)])).toBeUndefined();
});

test('nothing is suggested where nothing is close', () => {
  expect(nearest('temperature', SLUGS)).toBeUndefined();
});
