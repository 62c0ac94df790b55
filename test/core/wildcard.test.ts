import { expect, test } from 'vitest';
import { matches } from '../../core/wildcard.ts';

test.each([
  ['gpt-4o', ['gpt-4o'], ['gpt-4o-mini', 'a-gpt-4o', '']],
  ['gpt-4o*', ['gpt-4o', 'gpt-4o-mini'], ['gpt-4', 'x/gpt-4o']],
  ['*', ['', 'anything'], []],
  ['*-mini', ['gpt-4o-mini', '-mini'], ['mini', '-mini-2']],
  ['a*b*c', ['abc', 'axbxc', 'abbc'], ['ac', 'acb', 'abcd', 'ab']],
  // What the first and the last part need is not there twice.
  ['ab*ba', ['abba', 'ab-ba'], ['aba']],
  ['a*b*b', ['abb', 'a-b-b'], ['ab']],
  ['gpt.4o', ['gpt.4o'], ['gpt-4o']],
])('%s stands for some names, and not for others', (pattern, some, others) => {
  for (const text of some) expect([text, matches(pattern, text)]).toEqual([text, true]);
  for (const text of others) expect([text, matches(pattern, text)]).toEqual([text, false]);
});
