import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { answerKey, callKey, type Scope } from '../../../../plugins/gateway/cache/key.ts';
import { callOf, cachedExchange, upstreamNamed, type Ask } from './pipeline.ts';
import { QUESTION } from '../../../support/exchange.ts';

const keyOf = (ask: Ask, scope: Scope = 'identity') => {
  const exchange = cachedExchange(ask);
  return answerKey(callOf(exchange), exchange.plan!, scope);
};

/** The same object, its members in another order, at every depth. */
function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, member]) => [key, shuffled(member)] as const)
      .toReversed(),
  );
}

test('equal under key order, in the body and in options', () => {
  const members = fc.dictionary(fc.stringMatching(/^x_\w{1,8}$/), fc.jsonValue({ maxDepth: 3 }));
  fc.assert(
    fc.property(members, members, (more, options) => {
      const ask = { body: { ...QUESTION, ...more }, plan: { options } };
      const other = { body: shuffled(ask.body) as object, plan: { options: shuffled(options) as typeof options } };
      expect(keyOf(other)).toBe(keyOf(ask));
    }),
    { numRuns: 50 },
  );
});

test('what cannot change the answer is no part of the key', () => {
  const key = keyOf({});
  for (const more of [
    { stream: true },
    { stream_options: { include_usage: true } },
    { user: 'u' },
    { metadata: { a: 'b' } },
  ])
    expect(keyOf({ body: { ...QUESTION, ...more } })).toBe(key);
});

test('different identities and payers have different keys, unless all share', () => {
  const text = fc.string({ minLength: 1 });
  fc.assert(
    fc.property(text, text, text, text, (identity, key, otherIdentity, otherKey) => {
      const isSame = identity === otherIdentity && key === otherKey;
      const [one, other] = [
        { identity, key },
        { identity: otherIdentity, key: otherKey },
      ];
      expect(keyOf(one) === keyOf(other)).toBe(isSame);
      expect(keyOf(one, 'shared')).toBe(keyOf(other, 'shared'));
    }),
  );
});

test('the key of who pays is not in the key', () => {
  expect(keyOf({ key: 'sk-secret' })).not.toContain('secret');
  expect(keyOf({})).toMatch(/^[\w-]{43}$/);
});

test.each<[string, Ask]>([
  ['model', { body: { ...QUESTION, model: 'n' } }],
  ['unknown field', { body: { ...QUESTION, top_k: 3 } }],
  ['null is not absent', { body: { ...QUESTION, seed: null } }],
  ['path', { path: '/v1/chat/completions?api-version=2' }],
  ['operation', { operation: 'completions' }],
  ['upstream', { plan: { upstream: upstreamNamed('groq') } }],
  ['approach', { plan: { approach: 're2' } }],
  ['approach options', { plan: { options: { re2: { re2_times: 3 } } } }],
  ['trace', { plan: { wantsTrace: true } }],
  ['beta header', { headers: { 'anthropic-beta': 'context-1m' } }],
  ['organization', { headers: { 'openai-organization': 'org-1' } }],
])('another %s is another key', (_what, ask) => {
  expect(keyOf(ask)).not.toBe(keyOf({}));
});

test('budgets are part of the key where an approach can run into them', () => {
  const limited = { budget: { maxCalls: 3 } };
  expect(keyOf({ plan: { isSingleCall: false, ...limited } })).not.toBe(keyOf({ plan: { isSingleCall: false } }));
  expect(keyOf({ plan: limited })).toBe(keyOf({}));
  // A second call after all: a repair, choices that an upstream does not give at once.
  for (const ask of [{ plan: { approach: 'cot_reflection' } }, { body: { ...QUESTION, n: 3 } }])
    expect(keyOf({ ...ask, plan: { ...ask.plan, ...limited } })).not.toBe(keyOf(ask));
});

test('equal calls of one exchange have keys of their own, the same ones when it is repeated', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 12 }), (count) => {
      const keys = () => {
        const first = callOf(cachedExchange());
        const calls = [first, ...Array.from({ length: count - 1 }, () => first.again())];
        return calls.map((call) => callKey(call, 'identity'));
      };
      expect(new Set(keys()).size).toBe(count);
      expect(keys()).toEqual(keys());
    }),
  );
});

test('a copy with another signal is the same call', () => {
  const call = callOf(cachedExchange());
  expect(callKey(call.with({}, { signal: new AbortController().signal }), 'identity')).toBe(callKey(call, 'identity'));
});

test('a call and a whole request never share an entry', () => {
  const exchange = cachedExchange();
  const call = callOf(exchange);
  expect(callKey(call, 'identity')).not.toBe(answerKey(call, exchange.plan!, 'identity'));
});
