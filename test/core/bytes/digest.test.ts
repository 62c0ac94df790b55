import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalForm, digestOf } from '../../../core/bytes/digest.ts';
import { Payload } from '../../../core/bytes/payload.ts';
import { canonicalJson } from '../../../core/bytes/canonical-json.ts';

const of = (json: string) => Payload.fromBytes<object>(Buffer.from(json));
const canonical = (json: string) => canonicalForm(of(json)).toString();
const digest = (json: string, ...context: string[]) => digestOf(of(json), context);

/** Writes a value with its keys in another order, with blanks. */
function shuffled(value: unknown, seed: number): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[ ${value.map((item) => shuffled(item, seed)).join(' ,\n')}]`;
  const entries = Object.entries(value);
  const turned = [...entries.slice(seed % (entries.length + 1)), ...entries.slice(0, seed % (entries.length + 1))];
  return `{${turned.map(([key, member]) => `${JSON.stringify(key)}\t: ${shuffled(member, seed)}`).join(', ')} }`;
}

describe('the canonical form', () => {
  test('is the same whatever the order of keys and the blanks', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), fc.nat(), (value, seed) => {
        const json = JSON.stringify(value);
        expect(canonical(shuffled(value, seed))).toBe(canonical(json));
      }),
      { numRuns: 300 },
    );
  });

  test('says the same as the body', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string().map((key) => `_${key}`),
          fc.jsonValue(),
        ),
        fc.nat(),
        (value, seed) => {
          expect(JSON.parse(canonical(shuffled(value, seed)))).toEqual(JSON.parse(JSON.stringify(value)));
        },
      ),
    );
  });

  test('sorts at every level, and keeps numbers as they were written', () => {
    expect(canonical('{"b":[{"z":1.0,"a":9007199254740993}, 1e400, -0],"a":{ }}')).toBe(
      '{"a":{},"b":[{"a":9007199254740993,"z":1.0},1e400,-0]}',
    );
  });

  test('writes escapes in one way', () => {
    expect(canonical('{"a":"\\u00e9\\/\\n\\u000a\\\\u0041\\ud83d\\ude00\\ud800"}')).toBe(
      '{"a":"é/\\n\\n\\\\u0041😀\\ud800"}',
    );
    expect(digest('{"\\u0061":1}')).toBe(digest('{"a":1}'));
    expect(digest('{"a":"é"}')).toBe(digest('{"a":"\\u00e9"}'));
  });

  test('takes the last of a key given twice', () => {
    expect(canonical('{"a":1,"b":2,"a":3}')).toBe('{"a":3,"b":2}');
  });

  test('leaves out what cannot change the answer, at the top only', () => {
    expect(
      canonical(
        '{"model":"m","stream":true,"stream_options":{},"user":"u","metadata":{"a":1},"client_metadata":1,"safety_identifier":"s","prompt_cache_key":"p"}',
      ),
    ).toBe('{"model":"m"}');
    expect(canonical('{"a":{"stream":true,"user":"u"}}')).toBe('{"a":{"stream":true,"user":"u"}}');
    expect(canonical('{"optigate":{"progress":true,"approach":"moa"},"progress":1}')).toBe(
      '{"optigate":{"approach":"moa"},"progress":1}',
    );
    expect(canonical('{"model":"m","optigate":{"progress":false}}')).toBe('{"model":"m"}');
    expect(canonical('{"optigate":{"x":{"progress":1}}}')).toBe('{"optigate":{"x":{"progress":1}}}');
  });

  test('of a body that is no JSON is its bytes', () => {
    const bytes = Buffer.from([0xff, 0x7b, 0x22]);
    expect(canonicalForm(Payload.fromBytes(bytes))).toBe(bytes);
    expect(digest('{"a":1')).not.toBe(digest('{"a":1}'));
  });
});

describe('the digest', () => {
  test('differs where anything that counts differs', () => {
    const bodies = [
      '{"a":1}',
      '{"a":1.0}',
      '{"a":"1"}',
      '{"a":null}',
      '{}',
      '{"a":[1]}',
      '{"a":[[1]]}',
      '{"a":{"b":1}}',
      '{"b":1}',
      '{"a":"b","c":"d"}',
      '{"a":"b\\",\\"c\\":\\"d"}',
    ];
    expect(new Set(bodies.map((body) => digest(body))).size).toBe(bodies.length);
  });

  test('differs by every part of its context, wherever the parts are cut', () => {
    const digests = [
      digest('{}'),
      digest('{}', ''),
      digest('{}', 'ab'),
      digest('{}', 'a', 'b'),
      digest('{}', 'b', 'a'),
      digest('{}', 'a","b'),
    ];
    expect(new Set(digests).size).toBe(digests.length);
  });

  test('is the same for a changed body however it came about', () => {
    const spliced = Payload.fromBytes<{ a: number; b?: unknown }>(Buffer.from('{"b": [1.0], "a":1}')).with({ a: 2 });
    expect(digestOf(spliced, [])).toBe(digest('{"a":2,"b":[1.0]}'));
    expect(digestOf(Payload.fromValue({ b: 1, a: 'x' }), [])).toBe(digest('{"a":"x","b":1}'));
  });
});

test('canonical JSON sorts, and leaves out what JSON leaves out', () => {
  expect(canonicalJson({ b: [{ d: 1, c: undefined }], a: null })).toBe('{"a":null,"b":[{"d":1}]}');
});
