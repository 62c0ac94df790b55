import { expect, test } from 'vitest';
import { PassedErrorEvent } from '../../../core/transport/connection-failure.ts';
import type { GatewayError } from '../../../core/errors.ts';
import { headerOf } from '../../../core/bytes/header-list.ts';
import { SteppedClock } from '../../support/clock.ts';
import {
  chatChunk,
  events,
  HANG,
  hold,
  scriptedUpstream,
  sse,
  sseChunks,
  sseChunksWithUsage,
  type Answering,
} from '../../support/scripted-upstream.ts';
import { testTransport, textOf } from '../../support/transport.ts';
import { callTo, upstreamAt, type CallOptions } from '../../support/upstream-call.ts';
import type { UpstreamRequest } from '../../../core/upstream/provider.ts';
import { wires } from '../../../core/wire/wires.ts';

const STREAM = { body: { model: 'm', messages: [], stream: true } } satisfies CallOptions;
const WHOLE = sseChunks('Hello', ' wörld').join('');

/** Asks once and reads all; rejects with whatever went wrong, before or after the reply resolved. */
async function askAndRead(answer: Answering, change?: Partial<UpstreamRequest>, options: CallOptions = STREAM) {
  await using upstream = await scriptedUpstream([answer]);
  await using transport = testTransport();
  const call = callTo(upstreamAt(upstream.baseUrl), options);
  const reply = await transport.ask(call, change);
  return { reply, text: await textOf(reply), call };
}

test('a stream’s bytes go through as they came, and its usage is counted', async () => {
  const usage = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 };
  const chunks = sseChunksWithUsage(usage, 'a', 'b');
  const { reply, text, call } = await askAndRead(events(chunks));
  expect(reply).toMatchObject({ kind: 'stream', status: 200 });
  expect(headerOf(reply.headers, 'content-type')).toBe('text/event-stream');
  expect(text).toBe(chunks.join(''));
  expect(call.exchange.ledger.usage).toEqual(usage);
});

test('it resolves at the first event, comments before it held', async () => {
  const held = hold();
  await using upstream = await scriptedUpstream([events([': one\n\n', ': two\n\n', held.promise, ...sseChunks('a')])]);
  await using transport = testTransport();
  let isResolved = false;
  const asking = transport.ask(callTo(upstreamAt(upstream.baseUrl), STREAM)).then((reply) => {
    isResolved = true;
    return reply;
  });
  const request = await upstream.request(0);
  await expect.poll(() => request.bytesSent).toBe(': one\n\n: two\n\n'.length);
  expect(isResolved).toBe(false);
  held.release();
  expect(await textOf(await asking)).toBe(`: one\n\n: two\n\n${sseChunks('a').join('')}`);
});

test('a flood of comments is not held for ever', async () => {
  const held = hold();
  const comment = `: ${'x'.repeat(1_000)}\n\n`;
  await using upstream = await scriptedUpstream([
    events([...Array<string>(100).fill(comment), held.promise, ...sseChunks('a')]),
  ]);
  await using transport = testTransport();
  const reply = await transport.ask(callTo(upstreamAt(upstream.baseUrl), STREAM));
  expect(reply.kind).toBe('stream');
  held.release();
  expect(await textOf(reply)).toBe(comment.repeat(100) + sseChunks('a').join(''));
});

test('after 15 s without an event it resolves all the same', async () => {
  const held = hold();
  const clock = new SteppedClock();
  await using upstream = await scriptedUpstream([events([': hi\n\n', held.promise, ...sseChunks('a')])]);
  await using transport = testTransport({ clock });
  const asking = transport.ask(callTo(upstreamAt(upstream.baseUrl), STREAM));
  await expect.poll(() => clock.timers).toBe(2);
  clock.advance(15_000);
  const reply = await asking;
  held.release();
  expect(await textOf(reply)).toBe(`: hi\n\n${sseChunks('a').join('')}`);
  expect(clock.timers).toBe(0);
});

test('an error as the first event is an HTTP error with its own status', async () => {
  const error = { message: 'slow down', type: 'rate_limit_error', code: 429 };
  const { reply, text } = await askAndRead(events([': hi\n\n', sse({ error }), HANG]));
  expect(reply).toMatchObject({ kind: 'complete', status: 429 });
  expect(JSON.parse(text)).toEqual({ error });
  expect(headerOf(reply.headers, 'content-type')).toBe('application/json');
  const text502 = await askAndRead(events([sse({ error: 'it broke' })]));
  expect(text502.reply.status).toBe(502);
  expect(JSON.parse(text502.text)).toMatchObject({ error: { message: 'it broke', type: 'server_error' } });
});

test('an error event later passes and fails the stream as said already', async () => {
  await using upstream = await scriptedUpstream([
    events([sse(chatChunk({ content: 'a' })), sse({ error: { message: 'broke', code: 503 } })]),
  ]);
  await using transport = testTransport();
  const reply = await transport.ask(callTo(upstreamAt(upstream.baseUrl), STREAM));
  if (reply.kind !== 'stream') throw new Error('no stream');
  const seen: string[] = [];
  const failure = await new Promise((resolve) =>
    reply.body.pipe({
      write: (chunk) => {
        seen.push(chunk.toString());
        return true;
      },
      end: () => resolve(undefined),
      fail: resolve,
    }),
  );
  expect(seen.join('')).toContain('broke');
  expect(failure).toBeInstanceOf(PassedErrorEvent);
  expect(failure).toMatchObject({ message: 'broke', status: 503 });
});

test('cut after any byte a stream fails, and what went out are whole events', async () => {
  const bytes = Buffer.from(WHOLE);
  await using upstream = await scriptedUpstream(({ index }) => events([bytes], { cutAfter: index + 1 }));
  await using transport = testTransport();
  const to = upstreamAt(upstream.baseUrl);
  for (let k = 1; k < bytes.length; k++) {
    const seen: Buffer[] = [];
    let failure: unknown;
    try {
      const reply = await transport.ask(callTo(to, STREAM));
      if (reply.kind !== 'stream') throw new Error('no stream');
      for await (const chunk of reply.body) seen.push(chunk);
    } catch (error) {
      failure = error;
    }
    expect(failure, `cut after ${k}`).toMatchObject({ code: 'upstream_stream_interrupted' });
    const out = Buffer.concat(seen).toString();
    expect(out === '' || (out.endsWith('\n\n') && WHOLE.startsWith(out))).toBe(true);
  }
});

test('where nothing frames the body, only its own end tells: every earlier end is a failure', async () => {
  const bytes = Buffer.from(WHOLE);
  const finishEnds = Buffer.byteLength(sseChunks('Hello', ' wörld').slice(0, -1).join(''));
  await using upstream = await scriptedUpstream(({ index }) =>
    events([bytes.subarray(0, index + 1)], { isUnframed: true }),
  );
  await using transport = testTransport();
  const to = upstreamAt(upstream.baseUrl);
  for (let k = 1; k < bytes.length; k++) {
    const outcome = await transport
      .ask(callTo(to, STREAM))
      .then(textOf)
      .catch((error: GatewayError) => error.code);
    expect(outcome, `ended after ${k}`).toBe(k < finishEnds ? 'upstream_stream_interrupted' : WHOLE);
  }
});

test('an HTTP-clean end without finish_reason is a failure, one without [DONE] gets it', async () => {
  await expect(askAndRead(events(sseChunks('a').slice(0, 2)))).rejects.toMatchObject({
    code: 'upstream_stream_interrupted',
  });
  await expect(askAndRead(events([]))).rejects.toMatchObject({ code: 'upstream_stream_interrupted' });
  const { text } = await askAndRead(events(sseChunks('a').slice(0, -1)));
  expect(text).toBe(sseChunks('a').join(''));
});

test('with n choices, all must have finished', async () => {
  const options: CallOptions = { body: { model: 'm', messages: [], stream: true, n: 2 } };
  const finish = (index: number) => sse({ ...chatChunk({}), choices: [{ index, delta: {}, finish_reason: 'stop' }] });
  await expect(askAndRead(events([finish(0)]), {}, options)).rejects.toMatchObject({
    code: 'upstream_stream_interrupted',
  });
  const { text } = await askAndRead(events([finish(0), finish(1)]), {}, options);
  expect(text).toBe(`${finish(0)}${finish(1)}${sse('[DONE]')}`);
});

test('streams of other paths end where HTTP ends them', async () => {
  const { text } = await askAndRead(
    events([sse({ type: 'partial_image' })]),
    { wire: wires.plain },
    { operation: 'other', path: '/v1/images/generations' },
  );
  expect(text).toBe(sse({ type: 'partial_image' }));
});

test('silence for the idle time-out fails the stream, and before the first event the call', async () => {
  await using upstream = await scriptedUpstream([events([sse(chatChunk({ content: 'a' })), HANG]), events([HANG])]);
  await using transport = testTransport();
  const call = callTo(upstreamAt(upstream.baseUrl, { idleTimeoutMs: 60 }), STREAM);
  const reply = await transport.ask(call);
  await expect(textOf(reply)).rejects.toMatchObject({ code: 'upstream_timeout', status: 504 });
  await expect(transport.ask(call)).rejects.toMatchObject({ code: 'upstream_timeout' });
  await Promise.all(upstream.requests.map(({ aborted }) => aborted));
});

test('the time-out of an attempt covers headers and body', async () => {
  const clock = new SteppedClock();
  await using upstream = await scriptedUpstream([HANG, events([sse(chatChunk({ content: 'a' })), HANG])]);
  await using transport = testTransport({ clock });
  const call = callTo(upstreamAt(upstream.baseUrl, { timeoutMs: 20_000 }), STREAM);
  const waiting = transport.ask(call);
  const first = await upstream.request(0);
  clock.advance(20_000);
  await expect(waiting).rejects.toMatchObject({
    code: 'upstream_timeout',
    message: expect.stringContaining('20000 ms') as string,
  });
  await first.aborted;
  const reply = await transport.ask(call);
  clock.advance(20_000);
  await expect(textOf(reply)).rejects.toMatchObject({ code: 'upstream_timeout' });
  await (
    await upstream.request(1)
  ).aborted;
  expect(clock.timers).toBe(0);
});

test('a reader that is slow stops the upstream, and a resumed one gets every byte', async () => {
  const chunk = sse(chatChunk({ content: 'x'.repeat(60_000) }));
  const total = 400;
  await using upstream = await scriptedUpstream([events([...Array<string>(total).fill(chunk), ...sseChunks('end')])]);
  await using transport = testTransport();
  const reply = await transport.ask(callTo(upstreamAt(upstream.baseUrl), STREAM));
  if (reply.kind !== 'stream') throw new Error('no stream');
  const request = await upstream.request(0);
  // The sockets' own buffers fill; then nothing moves.
  let sent = -1;
  while (sent !== request.bytesSent) {
    sent = request.bytesSent;
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(sent).toBeLessThan((total * chunk.length) / 2);
  expect(await textOf(reply)).toBe(chunk.repeat(total) + sseChunks('end').join(''));
});

test('one read with very many events, and one event of 4 MB, pass unchanged', async () => {
  const many = sseChunks(...Array<string>(5_000).fill('x')).join('');
  expect((await askAndRead(events([many]))).text).toBe(many);
  const large = sseChunks('y'.repeat(4 * 1024 * 1024)).join('');
  expect((await askAndRead(events([large]))).text).toBe(large);
});

test('a stream that nobody wants any more closes its connection', async () => {
  await using upstream = await scriptedUpstream([events([sse(chatChunk({ content: 'a' })), HANG])]);
  await using transport = testTransport();
  const reply = await transport.ask(callTo(upstreamAt(upstream.baseUrl), STREAM));
  if (reply.kind !== 'stream') throw new Error('no stream');
  reply.cancel();
  await (
    await upstream.request(0)
  ).aborted;
});
