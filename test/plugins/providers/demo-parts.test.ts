import { expect, test } from 'vitest';
import { findSum } from '../../../plugins/providers/demo/arithmetic.ts';
import { conforming } from '../../../plugins/providers/demo/schema.ts';

test('schemas with references, bounds, enums and recursion are filled and end', () => {
  const node = {
    type: 'object',
    properties: { next: { $ref: '#/$defs/node' }, size: { type: 'integer', minimum: 5 } },
  };
  const filled = conforming(
    {
      $defs: { node },
      type: 'object',
      properties: {
        node: { $ref: '#/$defs/node' },
        colour: { enum: ['red', 'blue'] },
        pair: { type: 'array', items: { type: 'string', maxLength: 3 }, minItems: 2 },
        maybe: { anyOf: [{ type: 'null' }, { type: 'string' }] },
        day: { type: 'string', format: 'date' },
      },
    },
    { text: '[demo]', number: undefined },
  );
  expect(filled).toMatchObject({
    node: { size: 5 },
    colour: 'red',
    pair: ['[de', '[de'],
    maybe: null,
    day: '2024-01-01',
  });
});

test.each([
  ['What is 17 * 23?', 391],
  ['calculate (3 + 4) x 5', 35],
  ['12 plus 7 times 2', 26],
  ['2^10 = ?', 1024],
  ['0.1 + 0.2', 0.3],
  ['what is -5 - -3', -2],
  ['What is 1,200 / 4?', 300],
])('works out %s', (text, value) => expect(findSum(text)?.value).toBe(value));

test.each(['2024-05-01', 'call 555-1234', 'either/or', 'version 3', '1 / 0 = ?', '(((', '5 + '])(
  'sees no sum in %s',
  (text) => expect(findSum(text)).toBeUndefined(),
);
