import { describe, expect, test } from 'vitest';
import { SteppedClock } from '../../support/clock.ts';
import { retryAfterMs } from '../../../plugins/gateway/retry.ts';
import { startGateway } from '../../support/gateway.ts';
import {
  chatChunk,
  chatCompletion,
  CUT,
  events,
  HANG,
  json,
  scriptedUpstream,
  sse,
  sseChunks,
} from '../../support/scripted-upstream.ts';

const ok = json(chatCompletion('fine'));
const status = (code: number, headers: Record<string, string> = {}) =>
  json({ error: { message: `no ${code}`, type: 'server_error', param: null, code: null } }, { status: code, headers });
const quick = 'plugins: [{ retry: { attempts: 3, backoff: { initial: 1ms, max: 50ms } } }]';

describe('retry', () => {
  test('repeats a call that failed in a way that may pass, with the same bytes', async () => {
    await using upstream = await scriptedUpstream([status(500), CUT, ok]);
    await using gateway = await startGateway(upstream, { yaml: quick });
    const response = await gateway.chat();
    expect(response.status).toBe(200);
    expect(response.headers.get('x-optigate-calls')).toBe('3');
    const [first, ...others] = upstream.requests.map(({ body }) => body.toString());
    expect(others).toEqual([first, first]);
  });

  test('leaves a refusal that a repeat cannot change alone', async () => {
    await using upstream = await scriptedUpstream([status(400)]);
    await using gateway = await startGateway(upstream, { yaml: quick });
    const response = await gateway.chat();
    expect(response.status).toBe(400);
    expect(upstream.requests).toHaveLength(1);
  });

  test('passes on the last answer when its tries are used up, and tells clients not to go on', async () => {
    await using upstream = await scriptedUpstream([status(503), status(503), status(503)]);
    await using gateway = await startGateway(upstream, { yaml: quick });
    const response = await gateway.chat();
    expect(response.status).toBe(503);
    expect(response.headers.get('x-should-retry')).toBe('false');
    expect(await response.json()).toMatchObject({ error: { message: 'no 503' } });
  });

  test('tells clients not to go on after network errors either', async () => {
    await using upstream = await scriptedUpstream([CUT, CUT, CUT]);
    await using gateway = await startGateway(upstream, { yaml: quick });
    const response = await gateway.chat();
    expect(response.status).toBe(502);
    expect(response.headers.get('x-should-retry')).toBe('false');
  });

  test('waits as long as the upstream asks', async () => {
    const clock = new SteppedClock();
    await using upstream = await scriptedUpstream([
      status(429, { 'retry-after': '3' }),
      status(429, { 'retry-after-ms': '1500' }),
      ok,
    ]);
    await using gateway = await startGateway(upstream, { yaml: 'plugins: [retry]', clock });
    const asking = gateway.chat();
    for (const expected of [3_000, 1_500]) {
      await expect.poll(() => clock.nextMs).toBe(expected);
      clock.advance(expected);
    }
    expect((await asking).status).toBe(200);
  });

  test('gives up at once when the upstream asks for longer than the longest wait, and keeps its retry-after', async () => {
    await using upstream = await scriptedUpstream([status(429, { 'retry-after': '60' })]);
    await using gateway = await startGateway(upstream, { yaml: 'plugins: [retry]' });
    const response = await gateway.chat();
    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toBe('60');
    expect(response.headers.get('x-should-retry')).toBeNull();
  });

  test('repeats a stream that was cut before its first event, and not one that was cut later', async () => {
    const cutEarly = events([': comment\n\n', CUT]);
    const whole = events(sseChunks('a', 'b'));
    const cutLate = events([sse(chatChunk({ role: 'assistant', content: 'a' })), CUT]);
    await using upstream = await scriptedUpstream([cutEarly, whole, cutLate]);
    await using gateway = await startGateway(upstream, { yaml: quick });
    const first = await (await gateway.chat({ stream: true })).text();
    expect(first).toContain('[DONE]');
    const second = await (await gateway.chat({ stream: true })).text();
    expect(second).toContain('upstream_stream_interrupted');
    expect(second).not.toContain('[DONE]');
    expect(upstream.requests).toHaveLength(3);
  });

  test('does not multiply the retries of a client that already made two', async () => {
    await using upstream = await scriptedUpstream([status(500)]);
    await using gateway = await startGateway(upstream, { yaml: quick });
    const response = await gateway.chat({}, { 'x-stainless-retry-count': '2' });
    expect(response.status).toBe(500);
    expect(upstream.requests).toHaveLength(1);
  });

  test('allows ten retries, then two for ten calls', async () => {
    await using upstream = await scriptedUpstream(status(500));
    await using gateway = await startGateway(upstream, { yaml: quick });
    for (let k = 0; k < 10; k++) await gateway.chat();
    // Two retries each use the ten free ones up with the fifth request; afterwards the ratio grants none.
    expect(upstream.requests).toHaveLength(10 + 10);
  });

  test('stops when the client leaves while it waits', async () => {
    const clock = new SteppedClock();
    await using upstream = await scriptedUpstream([status(500)]);
    await using gateway = await startGateway(upstream, {
      yaml: 'plugins: [{ retry: { backoff: { jitter: none } } }]',
      clock,
    });
    const leaving = new AbortController();
    const asking = gateway.chat({}, {}, leaving.signal);
    await expect.poll(() => clock.nextMs).toBe(250);
    leaving.abort();
    await expect(asking).rejects.toThrow();
    await expect.poll(() => clock.timers).toBe(0);
    expect(upstream.requests).toHaveLength(1);
  });

  test('a hanging upstream is a time-out, and time-outs are retried', async () => {
    const clock = new SteppedClock();
    await using upstream = await scriptedUpstream([HANG, ok]);
    await using gateway = await startGateway(upstream, {
      yaml: `upstreams: { main: { base_url: "${upstream.baseUrl}", api_key: k, timeout: 5s } }\nplugins: [{ retry: { backoff: { jitter: none } } }]`,
      clock,
    });
    const asking = gateway.chat();
    await upstream.request(0);
    clock.advance(5_000);
    await expect.poll(() => clock.nextMs).toBe(250);
    clock.advance(250);
    expect((await asking).status).toBe(200);
  });

  test('refuses options that make no sense', async () => {
    await expect(startGateway(undefined, { yaml: 'plugins: [{ retry: { attempts: 0 } }]' })).rejects.toThrow(
      /retry.*attempts/,
    );
  });
});

test.each([
  ['16', 16_000],
  ['1.5', 1_500],
  ['0x10', undefined],
  ['1e3', undefined],
  ['-1', undefined],
  ['', undefined],
  ['soon', undefined],
  ['Thu, 01 Jan 1970 00:00:05 GMT', 4_000],
])('retry-after: %s is read as %s ms', (value, expected) => {
  expect(retryAfterMs({ headers: ['retry-after', value] }, 1_000)).toBe(expected);
});
