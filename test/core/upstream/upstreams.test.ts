import { expect, test } from 'vitest';
import { modelsOf, type Model, type Provider, type Transport } from '../../../core/upstream/provider.ts';
import { createUpstreams } from '../../../core/upstream/upstreams.ts';
import { SteppedClock } from '../../support/clock.ts';
import { PLAIN_PROVIDER, upstreamAt } from '../../support/upstream-call.ts';
import { wires } from '../../../core/wire/wires.ts';

const transport = {} as Transport;
const { signal } = new AbortController();

function listing(answer: () => Promise<readonly Model[]>) {
  const asked = { times: 0 };
  const provider: Provider = {
    name: 'p',
    description: '',
    wires: [wires.chat],
    isRemote: true,
    send: () => Promise.reject(new Error('not used')),
    models: () => {
      asked.times++;
      return answer();
    },
  };
  const upstream = upstreamAt('http://127.0.0.1:1', { provider });
  const clock = new SteppedClock();
  return {
    asked,
    upstream,
    clock,
    upstreams: createUpstreams({ configured: [{ upstream, provider }], transport, clock }),
  };
}

test('a prefix that names an upstream says where a model goes, any other is part of its name', () => {
  const main = upstreamAt('http://127.0.0.1:1');
  const groq = upstreamAt('http://127.0.0.1:2', { name: 'groq' });
  const configured = [main, groq].map((upstream) => ({ upstream, provider: PLAIN_PROVIDER }));
  const upstreams = createUpstreams({ configured, transport, clock: new SteppedClock() });
  expect(upstreams.resolve('groq/llama/3')).toEqual({ upstream: groq, model: 'llama/3' });
  expect(upstreams.resolve('meta/llama')).toEqual({ upstream: main, model: 'meta/llama' });
  expect(upstreams.resolve('gpt')).toEqual({ upstream: main, model: 'gpt' });
  expect(upstreams.resolve('groq/')).toEqual({ upstream: main, model: 'groq/' });
  expect(upstreams.get('groq')).toBe(groq);
  expect(upstreams.default).toBe(main);
});

test('a list is asked for once by all who want it, and again after a minute', async () => {
  const { asked, upstream, upstreams, clock } = listing(() => Promise.resolve([{ id: 'a' }]));
  const both = await Promise.all([upstreams.models(upstream, signal), upstreams.models(upstream, signal)]);
  expect(both).toEqual([[{ id: 'a' }], [{ id: 'a' }]]);
  clock.advance(59_000);
  await upstreams.models(upstream, signal);
  expect(asked.times).toBe(1);
  clock.advance(2_000);
  await upstreams.models(upstream, signal);
  expect(asked.times).toBe(2);
  expect(clock.timers).toBe(0);
});

test('a failure is undefined, and is tried again after five seconds', async () => {
  const { asked, upstream, upstreams, clock } = listing(() => Promise.reject(new Error('no')));
  expect(await upstreams.models(upstream, signal)).toBeUndefined();
  clock.advance(4_000);
  await upstreams.models(upstream, signal);
  expect(asked.times).toBe(1);
  clock.advance(2_000);
  await upstreams.models(upstream, signal);
  expect(asked.times).toBe(2);
});

test('nobody waits longer than a second; the list that comes later serves those after', async () => {
  const late = Promise.withResolvers<readonly Model[]>();
  const { asked, upstream, upstreams, clock } = listing(() => late.promise);
  const waiting = upstreams.models(upstream, signal);
  clock.advance(1_000);
  expect(await waiting).toBeUndefined();
  late.resolve([{ id: 'late' }]);
  expect(await upstreams.models(upstream, signal)).toEqual([{ id: 'late' }]);
  expect(asked.times).toBe(1);
});

test('who leaves does not wait', async () => {
  const { upstream, upstreams } = listing(() => new Promise(() => undefined));
  const abort = new AbortController();
  const waiting = upstreams.models(upstream, abort.signal);
  abort.abort();
  expect(await waiting).toBeUndefined();
});

test('an answer that is no list is an error', () => {
  const answer = (body: unknown, status = 200) => ({ status, body: Buffer.from(JSON.stringify(body)) });
  expect(modelsOf(answer({ data: [{ id: 'a' }, { no: 1 }] }))).toEqual([{ id: 'a' }]);
  expect(() => modelsOf(answer({ data: 1 }))).toThrow('list');
  expect(() => modelsOf(answer({ error: {} }, 401))).toThrow('401');
});
