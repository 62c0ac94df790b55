import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Payload } from '../../../core/bytes/payload.ts';

type Open = Record<string, unknown>;
const of = (json: string) => Payload.fromBytes<Open>(Buffer.from(json));

/** A JSON object as a client might write it: blanks, escapes, numbers that do not survive parsing. */
const blank = fc.constantFrom('', '', ' ', '\n  ', '\t', '\r\n');
const source: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(
      '9007199254740993',
      '1.0',
      '1e400',
      '-0',
      '1E+2',
      'true',
      'false',
      'null',
      '""',
      '{}',
      '[ ]',
      '"\\u0041\\/\\"}"',
    ),
    fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)),
    fc.array(fc.tuple(blank, tie('value'), blank)).map((items) => `[${items.map((item) => item.join('')).join(',')}]`),
    fc
      .array(fc.tuple(blank, fc.string(), blank, tie('value'), blank))
      .map(
        (members) =>
          `{${members.map(([a, key, b, value, c]) => `${a}${JSON.stringify(key)}${b}:${value}${c}`).join(',')}}`,
      ),
  ),
})).value;
const key = fc.oneof(fc.constantFrom('a', 'b', 'model', '__proto__', 'constructor', 'toString', 'é"\\'), fc.string());
const members = fc.uniqueArray(fc.tuple(key, source, blank, blank), { selector: ([name]) => name });
const objectSource = (list: readonly (readonly [string, string, string, string])[]) =>
  `{${list.map(([name, value, before, after]) => `${before}${JSON.stringify(name)}${after}:${before}${value}${after}`).join(',')}}`;
const jsonValue = fc.json().map((json): unknown => JSON.parse(json));
const changes = fc.array(fc.tuple(key, fc.option(jsonValue, { nil: undefined })));

/** What `with` must mean, without bytes. */
function changed(value: Open, list: readonly (readonly [string, unknown])[]): Open {
  const map = new Map(Object.entries(value));
  for (const [name, member] of list) {
    if (member === undefined) map.delete(name);
    else map.set(name, member);
  }
  return Object.fromEntries(map);
}

const toChanges = (list: readonly (readonly [string, unknown])[]) => Object.fromEntries<unknown>(list);

describe('a body that came as bytes', () => {
  test('goes on as the same buffer', () => {
    const bytes = Buffer.from('{ "a": 1.0 }');
    const payload = Payload.fromBytes(bytes);
    expect(payload.value).toEqual({ a: 1 });
    expect(payload.bytes).toBe(bytes);
  });

  test('changed by splicing is what parse, change and stringify would make of it', () => {
    fc.assert(
      fc.property(members, changes, changes, (list, first, second) => {
        const payload = of(objectSource(list));
        const twice = payload.with(toChanges(first)).with(toChanges(second));
        const expected = changed(changed(payload.value, first), second);
        expect(JSON.parse(twice.bytes.toString())).toEqual(expected);
        expect(twice.value).toEqual(expected);
        expect(Object.getPrototypeOf(twice.value)).toBe(Object.prototype);
      }),
      { numRuns: 500 },
    );
  });

  test('keeps the bytes of every member that nobody changed', () => {
    fc.assert(
      fc.property(members, changes, (list, some) => {
        const spliced = of(objectSource(list)).with(toChanges(some)).bytes.toString();
        const kept = list.filter(([name]) => !some.some(([other]) => other === name));
        for (const [, value] of kept) expect(spliced).toContain(value);
      }),
    );
  });

  test('keeps digits, order and escapes beside a change', () => {
    const json = '{"seed":9007199254740993,"t":1.0,"big":1e400,"__proto__":{"a":1},"model":"m","\\u0061":"\\u00e9"}';
    expect(
      of(json)
        .with({ model: 'n', new: [1] })
        .bytes.toString(),
    ).toBe(
      '{"seed":9007199254740993,"t":1.0,"big":1e400,"__proto__":{"a":1},"model":"n","\\u0061":"\\u00e9","new":[1]}',
    );
    expect(of(json).with({ seed: undefined, a: undefined, model: undefined }).bytes.toString()).toBe(
      '{"t":1.0,"big":1e400,"__proto__":{"a":1}}',
    );
  });

  test('can lose every member, or gain its first', () => {
    expect(of('{ "a" : 1 }').with({ a: undefined }).bytes.toString()).toBe('{}');
    expect(of('{ }').with({ a: 1 }).bytes.toString()).toBe('{"a":1}');
  });

  test('given a member of its own keeps its bytes', () => {
    const payload = of('{"seed":9007199254740993,"o":{"x":1.0},"big":1e400}');
    const { seed, o, big } = payload.value;
    expect(payload.with({ seed, o, big, z: 1 }).bytes.toString()).toBe(
      '{"seed":9007199254740993,"o":{"x":1.0},"big":1e400,"z":1}',
    );
  });

  test('keeps the bytes of messages beside a new one', () => {
    const payload = of('{"messages":[ {"role":"user","n":1.0} , {"role":"tool","n":2.0}],"x":1.0}');
    const messages = payload.value['messages'] as unknown[];
    const longer = payload.with({ messages: [{ role: 'system' }, ...messages] });
    expect(longer.bytes.toString()).toBe(
      '{"messages":[{"role":"system"},{"role":"user","n":1.0},{"role":"tool","n":2.0}],"x":1.0}',
    );
    expect(longer.with({ messages: [messages[1], null] }).bytes.toString()).toBe(
      '{"messages":[{"role":"tool","n":2.0},null],"x":1.0}',
    );
    expect(payload.with({ messages: [] }).bytes.toString()).toBe('{"messages":[],"x":1.0}');
  });

  test('given a key twice follows the last, as parsing does, and a change replaces both', () => {
    const payload = of('{"a":1,"b":2,"a":3.0}');
    expect(payload.with({ b: 4 }).value).toEqual({ a: 3, b: 4 });
    expect(JSON.parse(payload.with({ b: 4 }).bytes.toString())).toEqual({ a: 3, b: 4 });
    expect(payload.with({ a: 5 }).bytes.toString()).toBe('{"b":2,"a":5}');
    expect(payload.with({ a: 3 }).bytes.toString()).toBe('{"b":2,"a":3.0}');
    expect(payload.with({ a: undefined }).bytes.toString()).toBe('{"b":2}');
  });

  test('that are no JSON throws only when its value is asked for', () => {
    const payload = of('{"a":');
    expect(payload.bytes.toString()).toBe('{"a":');
    expect(() => payload.value).toThrow(SyntaxError);
  });
});

describe('a body that came as a value', () => {
  test('is written once, and changed before it is', () => {
    const payload = Payload.fromValue<Open>({ a: 1, b: [1] });
    expect(payload.bytes).toBe(payload.bytes);
    expect(
      Payload.fromValue<Open>({ a: 1, b: [1] })
        .with({ a: 2 })
        .bytes.toString(),
    ).toBe('{"a":2,"b":[1]}');
  });

  test('never changes', () => {
    const value = Object.freeze({ a: 1 });
    const payload = Payload.fromValue<Open>(value);
    payload.with({ a: 2, ['__proto__']: 3 });
    expect(payload.value).toBe(value);
    expect(payload.value).toEqual({ a: 1 });
  });
});
