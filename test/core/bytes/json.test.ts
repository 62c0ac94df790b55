import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { repeatedKey, scanArray, scanObject } from '../../../core/bytes/json.ts';

const scan = (json: string) => scanObject(Buffer.from(json));

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

describe('the outline of an object', () => {
  test('has each member with the bytes of its value, and the depth', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), fc.nat(3), (value, indent) => {
        const bytes = Buffer.from(JSON.stringify(value, undefined, indent));
        const { members, depth } = scanObject(bytes);
        const parsed: unknown = JSON.parse(bytes.toString());
        const read = members.map(({ key, start, end }): [string, unknown] => [
          key,
          JSON.parse(bytes.toString('utf8', start, end)),
        ]);
        expect(Object.fromEntries(read)).toEqual(parsed);
        for (const { key, keyStart, start } of members) {
          const name: unknown = JSON.parse(bytes.toString('utf8', keyStart, bytes.lastIndexOf(':', start)).trim());
          expect(name).toBe(key);
        }
        expect(depth).toBe(depthOf(parsed));
      }),
      { numRuns: 500 },
    );
  });

  test('shows keys given twice, with escapes undone', () => {
    expect(scan('{"a":1,"\\u0061":2}').members.map(({ key }) => key)).toEqual(['a', 'a']);
  });

  test('is not misled by quotes and brackets in strings', () => {
    const long = 'x'.repeat(100);
    const { members, depth } = scan(`{"a":"${long}\\\\\\"}{[","b\\"":"\\\\","c":[{"d":"]}"}]}`);
    expect(members.map(({ key }) => key)).toEqual(['a', 'b"', 'c']);
    expect(depth).toBe(3);
  });

  test('never throws, and never takes longer than the bytes are long', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: fc.constantFrom('{', '}', '[', ']', '"', ',', ':', '\\', ' ', 'a', '1'), maxLength: 200 }),
          fc.string(),
        ),
        (text) => {
          scan(text);
          scanArray(Buffer.from(text), 0, Buffer.byteLength(text));
        },
      ),
    );
    const startedAt = performance.now();
    scan(`{"a":"${'\\"'.repeat(500_000)}`);
    scan(`{"a":${'['.repeat(1_000_000)}`);
    expect(performance.now() - startedAt).toBeLessThan(2000);
  });

  test('of nothing is empty', () => {
    expect(scan('')).toEqual({ members: [], depth: 0 });
    expect(scan(' { } ')).toEqual({ members: [], depth: 1 });
  });
});

test('the outline of an array has the bytes of each element', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.nat(3), (value, indent) => {
      const bytes = Buffer.from(`  ${JSON.stringify(value, undefined, indent)}`);
      const elements = scanArray(bytes, 2, bytes.length).map(({ start, end }): unknown =>
        JSON.parse(bytes.toString('utf8', start, end)),
      );
      expect(elements).toEqual(JSON.parse(bytes.toString()));
    }),
  );
});

test('a key that stands twice in one object is found at any depth, however it is spelled', () => {
  const found = (text: string) => repeatedKey(Buffer.from(text));
  expect(found('{"a":1,"b":[{"c":{"d":1,"\\u0064":2}}]}')).toBe('d');
  expect(found('{"a":{"a":1},"b":[{"a":1},{"a":"a\\":1,"}],"":{}}')).toBeUndefined();
  expect(found('["a","a",{"a" :1,"b":"a","a":2}]')).toBe('a');
});

test('the search for such a key takes twice as long for twice the text', () => {
  const time = (size: number) => {
    const bytes = Buffer.from(`[${'{"a":[[],{}],"b":"\\\\"},'.repeat(size)}0]`);
    const start = performance.now();
    repeatedKey(bytes);
    return performance.now() - start;
  };
  time(10_000);
  const one = Math.min(time(20_000), time(20_000), time(20_000));
  expect(Math.min(time(40_000), time(40_000), time(40_000))).toBeLessThan(one * 3 + 5);
});
