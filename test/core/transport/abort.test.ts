import { expect, test } from 'vitest';
import { getEventListeners } from 'node:events';
import { SteppedClock } from '../../support/clock.ts';
import {
  chatChunk,
  chatCompletion,
  events,
  HANG,
  json,
  scriptedUpstream,
  sse,
  type Step,
} from '../../support/scripted-upstream.ts';
import { testTransport, textOf } from '../../support/transport.ts';
import { callTo, upstreamAt } from '../../support/upstream-call.ts';

const GONE = new Error('gone');

test('a call whose signal is aborted already sends nothing', async () => {
  await using upstream = await scriptedUpstream([]);
  await using transport = testTransport();
  const call = callTo(upstreamAt(upstream.baseUrl), { signal: AbortSignal.abort(GONE) });
  await expect(transport.ask(call)).rejects.toBe(GONE);
  expect(call.exchange.ledger.requests).toBe(0);
});

test('aborted while waiting for headers it rejects at once, with the signal’s reason, and the socket closes', async () => {
  await using upstream = await scriptedUpstream([HANG]);
  await using transport = testTransport();
  const abort = new AbortController();
  const asking = transport.ask(callTo(upstreamAt(upstream.baseUrl), { signal: abort.signal }));
  const request = await upstream.request(0);
  abort.abort(GONE);
  await expect(asking).rejects.toBe(GONE);
  await request.aborted;
});

test.each<[string, Step[], string]>([
  ['a stream', [sse(chatChunk({ content: 'a' })), HANG], 'text/event-stream'],
  [
    'a large answer',
    [JSON.stringify(chatCompletion('x'.repeat(1_500_000))).slice(0, 1_200_000), HANG],
    'application/json',
  ],
])(
  'aborted in the body of %s, even when nobody reads, the stream fails and the socket closes',
  async (_, steps, type) => {
    await using upstream = await scriptedUpstream([events(steps, { headers: { 'content-type': type } })]);
    await using transport = testTransport();
    const abort = new AbortController();
    const reply = await transport.ask(callTo(upstreamAt(upstream.baseUrl), { signal: abort.signal }));
    abort.abort(GONE);
    await (
      await upstream.request(0)
    ).aborted;
    await expect(textOf(reply)).rejects.toBe(GONE);
  },
);

test('aborted while a whole answer is collected, it rejects at once', async () => {
  await using upstream = await scriptedUpstream([
    events(['{"choices":[', HANG], { headers: { 'content-type': 'application/json' } }),
  ]);
  await using transport = testTransport();
  const abort = new AbortController();
  const asking = transport.ask(callTo(upstreamAt(upstream.baseUrl), { signal: abort.signal }));
  const request = await upstream.request(0);
  await expect.poll(() => request.bytesSent).toBeGreaterThan(0);
  abort.abort(GONE);
  await expect(asking).rejects.toBe(GONE);
  await request.aborted;
});

test('queued calls that are aborted reject at once, are never sent, and do not block those after them', async () => {
  await using upstream = await scriptedUpstream(({ json: body }) =>
    body['model'] === 'hang' ? events([sse(chatChunk({ content: 'a' })), HANG]) : json(chatCompletion('ok')),
  );
  await using transport = testTransport({ connections: 4 });
  const to = upstreamAt(upstream.baseUrl);
  const abort = new AbortController();
  const ask = (model: string, signal: AbortSignal) =>
    transport.ask(callTo(to, { body: { model, messages: [], stream: true }, signal }));
  const busy = await Promise.all(Array.from({ length: 4 }, () => ask('hang', abort.signal)));
  const queued = Array.from({ length: 28 }, () => ask('hang', abort.signal));
  const late = ask('ok', new AbortController().signal);
  abort.abort(GONE);
  for (const asking of queued) await expect(asking).rejects.toBe(GONE);
  for (const reply of busy) await expect(textOf(reply)).rejects.toBe(GONE);
  expect((await late).status).toBe(200);
  expect(upstream.requests.map(({ json: body }) => body['model'])).toEqual(['hang', 'hang', 'hang', 'hang', 'ok']);
  await expect.poll(() => upstream.running).toBe(0);
});

test('a queued call times out like any other', async () => {
  const clock = new SteppedClock();
  await using upstream = await scriptedUpstream(HANG);
  await using transport = testTransport({ clock, connections: 1 });
  const to = upstreamAt(upstream.baseUrl, { timeoutMs: 1_000 });
  const asking = [transport.ask(callTo(to)), transport.ask(callTo(to))];
  await upstream.request(0);
  clock.advance(1_000);
  for (const each of asking) await expect(each).rejects.toMatchObject({ code: 'upstream_timeout' });
  expect(upstream.requests).toHaveLength(1);
});

test('no listener and no timer is left, however a call ends', async () => {
  const clock = new SteppedClock();
  await using upstream = await scriptedUpstream([
    json(chatCompletion('a')),
    json('{}', { status: 500 }),
    events([sse(chatChunk({ content: 'a' })), HANG]),
    json('null'),
  ]);
  await using transport = testTransport({ clock });
  const { signal } = new AbortController();
  const call = callTo(upstreamAt(upstream.baseUrl), { signal });
  await transport.ask(call);
  await transport.ask(call);
  const stream = await transport.ask(call);
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  if (stream.kind === 'stream') stream.cancel();
  await expect(transport.ask(call)).rejects.toMatchObject({ code: 'upstream_error' });
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  expect(clock.timers).toBe(0);
});
