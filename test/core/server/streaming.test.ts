import { request } from 'node:http';
import { describe, expect, test } from 'vitest';
import { SteppedClock } from '../../support/clock.ts';
import { startGateway, type TestGateway } from '../../support/gateway.ts';
import {
  chatChunk,
  CUT,
  events,
  HANG,
  hold,
  json,
  scriptedUpstream,
  sse,
  sseChunks,
  type ScriptedUpstream,
} from '../../support/scripted-upstream.ts';

/** The body as it arrives. */
async function* reading(response: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) yield decoder.decode(chunk, { stream: true });
}

const first = sse(chatChunk({ role: 'assistant', content: 'a' }));

describe('a stream', () => {
  test('passes event by event, as the bytes the upstream sent', async () => {
    const gate = hold();
    const wire = sseChunks('a', 'b');
    await using upstream = await scriptedUpstream(events([first, gate.promise, ...wire.slice(1)]));
    await using gateway = await startGateway(upstream);
    const response = await gateway.chat({ stream: true });
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-cache, no-transform');
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    expect(response.headers.get('x-optigate-calls')).toBeNull();
    const body = reading(response);
    const { value } = await body.next();
    expect(value).toBe(first);
    gate.release();
    let rest = '';
    for await (const part of body) rest += part;
    expect(rest).toBe(wire.slice(1).join(''));
  });

  test('holds half an event back until it is whole', async () => {
    const gate = hold();
    await using upstream = await scriptedUpstream(
      events([first + 'data: {"choi', gate.promise, 'ces":[]}\n\ndata: [DONE]\n\n']),
    );
    await using gateway = await startGateway(upstream);
    const body = reading(await gateway.chat({ stream: true }));
    expect((await body.next()).value).toBe(first);
    gate.release();
    let rest = '';
    for await (const part of body) rest += part;
    expect(rest).toBe('data: {"choices":[]}\n\ndata: [DONE]\n\n');
  });

  test('that is cut ends in an error event without [DONE], after only whole events', async () => {
    await using upstream = await scriptedUpstream(events([first, 'data: {"half', CUT]));
    await using gateway = await startGateway(upstream);
    const body = await (await gateway.chat({ stream: true })).text();
    const parts = body.split('\n\n').filter(Boolean);
    expect(parts[0]).toBe(first.trim());
    expect(JSON.parse(parts[1]?.slice('data: '.length) ?? '')).toMatchObject({
      error: { code: 'upstream_stream_interrupted', type: 'server_error', param: null },
    });
    expect(parts).toHaveLength(2);
  });

  test('that ends without any finish_reason is a cut one; with it, [DONE] is added', async () => {
    const finish = sse(chatChunk({}, 'stop'));
    await using upstream = await scriptedUpstream([events([first]), events([first, finish])]);
    await using gateway = await startGateway(upstream);
    expect(await (await gateway.chat({ stream: true })).text()).toContain('upstream_stream_interrupted');
    expect(await (await gateway.chat({ stream: true })).text()).toBe(`${first}${finish}data: [DONE]\n\n`);
  });

  test('whose first event is an error is an HTTP error', async () => {
    await using upstream = await scriptedUpstream(
      events([sse({ error: { message: 'too hot', type: 'x', code: 429 } })]),
    );
    await using gateway = await startGateway(upstream);
    const response = await gateway.chat({ stream: true });
    expect(response.status).toBe(429);
    expect(await response.json()).toMatchObject({ error: { message: 'too hot' } });
  });

  test('that fails before its first event is an HTTP error', async () => {
    await using upstream = await scriptedUpstream([
      json({ error: { message: 'no', type: 'x', param: null, code: null } }, { status: 404 }),
      CUT,
    ]);
    await using gateway = await startGateway(upstream);
    expect((await gateway.chat({ stream: true })).status).toBe(404);
    expect((await gateway.chat({ stream: true })).status).toBe(502);
  });

  test('is kept alive by a comment after 15 s of silence, before and after the first event', async () => {
    const clock = new SteppedClock();
    const gates = [hold(), hold()] as const;
    await using upstream = await scriptedUpstream(
      events([gates[0].promise, first, gates[1].promise, ...sseChunks('b').slice(1)]),
    );
    await using gateway = await startGateway(upstream, { clock });
    const asking = gateway.chat({ stream: true });
    await upstream.request(0);
    await expect.poll(() => clock.timers).toBeGreaterThan(1);
    clock.advance(15_000);
    const response = await asking;
    const body = reading(response);
    expect((await body.next()).value).toMatch(/^: /);
    gates[0].release();
    expect((await body.next()).value).toBe(first);
    clock.advance(30_000);
    expect((await body.next()).value).toMatch(/^: /);
    gates[1].release();
    let rest = '';
    for await (const part of body) rest += part;
    expect(rest).toMatch(/\[DONE\]/);
  });

  test('of the Responses API and of other paths pass, and are cut in their own way', async () => {
    const event = 'event: response.created\ndata: {"type":"response.created","sequence_number":0}\n\n';
    const done = 'event: response.completed\ndata: {"type":"response.completed","sequence_number":1,"response":{}}\n\n';
    await using upstream = await scriptedUpstream([events([event, done]), events([event, CUT])]);
    await using gateway = await startGateway(upstream);
    const ask = () =>
      gateway.fetch('/v1/responses', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"model":"m","input":"x","stream":true}',
      });
    expect(await (await ask()).text()).toBe(event + done);
    expect(await (await ask()).text()).toMatch(/event: error\ndata: .*upstream_stream_interrupted/);
  });
});

/** Opens a request whose connection the test can drop. */
function open(gateway: TestGateway, body: object): { readonly leave: () => void; responded: Promise<void> } {
  const asking = request(`${gateway.baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    agent: false,
  });
  asking.on('error', () => undefined);
  asking.end(JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'x' }], ...body }));
  return {
    leave: () => asking.destroy(),
    responded: new Promise((resolve) => asking.once('response', (response) => response.once('data', () => resolve()))),
  };
}

describe('a client that leaves', () => {
  test.each([
    ['in mid-stream', { stream: true }, events([first, HANG]), true],
    ['before the headers', { stream: true }, HANG, false],
    ['while a plain answer is made', {}, HANG, false],
  ] as const)('%s ends the upstream call at once', async (_when, body, script, waits) => {
    await using upstream = await scriptedUpstream(script);
    await using gateway = await startGateway(upstream);
    const client = open(gateway, body);
    const asked = await upstream.request(0);
    if (waits) await client.responded;
    const left = performance.now();
    client.leave();
    await asked.aborted;
    expect(performance.now() - left).toBeLessThan(100);
  });

  test('leaves nothing behind when many leave at once', async () => {
    await using upstream = await scriptedUpstream(events([first, HANG]));
    await using gateway = await startGateway(upstream);
    const clients = Array.from({ length: 200 }, () => open(gateway, { stream: true }));
    await Promise.all(clients.map(({ responded }) => responded));
    for (const { leave } of clients) leave();
    await expect.poll(() => upstream.running).toBe(0);
  });
});

test('a slow client stops the reading of the upstream', async () => {
  const big = sse(chatChunk({ content: 'x'.repeat(60_000) }));
  const many = function* () {
    yield first;
    for (let k = 0; k < 2_000; k++) yield big;
    yield* sseChunks('end').slice(1);
  };
  await using upstream: ScriptedUpstream = await scriptedUpstream(events(many()));
  await using gateway = await startGateway(upstream);
  const response = await gateway.chat({ stream: true });
  const asked = await upstream.request(0);
  // Nobody reads: what the upstream could hand over comes to rest far below its 120 MB.
  let before = -1;
  await expect
    .poll(
      () => {
        const rested = asked.bytesSent === before;
        before = asked.bytesSent;
        return rested;
      },
      { interval: 100 },
    )
    .toBe(true);
  expect(before).toBeLessThan(40_000_000);
  let size = 0;
  for await (const chunk of response.body ?? []) size += chunk.length;
  expect(size).toBeGreaterThan(120_000_000);
});
