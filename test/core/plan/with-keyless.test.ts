import { expect, test } from 'vitest';
import { withKeyless } from '../../../core/plan/with-keyless.ts';
import type { KeylessUpstream } from '../../../core/upstream/upstreams.ts';
import type { Payload } from '../../../core/bytes/payload.ts';
import type { ChatRequest } from '../../../core/wire/chat/chat-types.ts';
import { exchangeOf, plainPlan, QUESTION } from '../../support/exchange.ts';
import { PLAIN_PROVIDER, upstreamAt } from '../../support/upstream-call.ts';

/** What a local server that lists `models` is asked for when the client asks for `asked`, of an upstream without a key. */
function modelFor(asked: string, models: readonly string[]): string {
  const openai = upstreamAt('http://127.0.0.1:1', { name: 'openai', key: null });
  const upstream = upstreamAt('http://127.0.0.1:2', { name: 'local', key: null, needsKey: false, models });
  const keyless: KeylessUpstream = { upstream, provider: PLAIN_PROVIDER, lines: [], isDemo: false };
  const exchange = exchangeOf({ body: { ...QUESTION, model: asked } });
  // As planning leaves it: without the approach and the upstream's name.
  const model = asked.replace(/^bon-/, '').replace(/^openai\//, '');
  const plan = plainPlan(openai, (exchange.request as Payload<ChatRequest>).with({ model }));
  return withKeyless(plan, exchange, keyless).request.value.model;
}

test('a detected server gets the names that it lists, those that begin like a configured upstream too', () => {
  expect(modelFor('openai/gpt-oss-20b', ['llama', 'openai/gpt-oss-20b'])).toBe('openai/gpt-oss-20b');
  expect(modelFor('bon-openai/gpt-oss-20b', ['llama', 'openai/gpt-oss-20b'])).toBe('openai/gpt-oss-20b');
  expect(modelFor('openai/m', ['llama', 'm', 'openai/m'])).toBe('openai/m');
  expect(modelFor('m', ['llama', 'm', 'openai/m'])).toBe('m');
  expect(modelFor('openai/llama', ['first', 'llama'])).toBe('llama');
  expect(modelFor('gpt-4o', ['first', 'llama'])).toBe('first');
});
