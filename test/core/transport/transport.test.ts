import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { headerOf } from '../../../core/bytes/header-list.ts';
import { createTrace } from '../../../core/exchange/trace.ts';
import {
  chatCompletion,
  CUT,
  events,
  HANG,
  json,
  scriptedUpstream,
  sseChunks,
  text,
} from '../../support/scripted-upstream.ts';
import { testTransport, textOf } from '../../support/transport.ts';
import { callTo, upstreamAt } from '../../support/upstream-call.ts';
import type { SignableRequest, Signer } from '../../../core/upstream/provider.ts';

test('the client’s bytes go upstream and the upstream’s bytes come back', async () => {
  const answer = '{ "choices": [{"index":0,"seed":9007199254740993,"x":1.0}] }';
  await using upstream = await scriptedUpstream(json(answer, { headers: { 'openai-version': '2020' } }));
  await using transport = testTransport();
  const body = Buffer.from('{"model":"m","seed":9007199254740993,"temperature":1.0,"messages":[]}');
  const reply = await transport.ask(callTo(upstreamAt(upstream.baseUrl), { body }));
  expect(reply).toMatchObject({ kind: 'complete', status: 200 });
  expect(await textOf(reply)).toBe(answer);
  expect(headerOf(reply.headers, 'openai-version')).toBe('2020');
  const [request] = upstream.requests;
  expect(request?.body.equals(body)).toBe(true);
  expect(request).toMatchObject({ method: 'POST', path: '/v1/chat/completions' });
  expect(request?.headers).toMatchObject({ authorization: 'Bearer sk-server', 'content-length': String(body.length) });
});

test('the key is the payer’s, in the header that the provider asks for', async () => {
  await using upstream = await scriptedUpstream(json(chatCompletion('a')));
  await using transport = testTransport();
  const to = upstreamAt(upstream.baseUrl);
  const credential = { header: 'x-api-key' };
  await transport.ask(callTo(to, { identity: { id: 'a', upstreamKeys: { main: 'sk-alice' } } }), { credential });
  await transport.ask(callTo(to, { identity: { id: 'b', upstreamKey: 'sk-own' } }), { credential });
  await transport.ask(callTo(upstreamAt(upstream.baseUrl, { key: null, needsKey: false })), { credential });
  expect(upstream.requests.map(({ headers }) => headers['x-api-key'])).toEqual(['sk-alice', 'sk-own', undefined]);
  expect(upstream.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined, undefined]);
  await expect(transport.ask(callTo(upstreamAt(upstream.baseUrl, { key: null })))).rejects.toMatchObject({
    code: 'invalid_api_key',
  });
});

test('requests and usage are counted, a retry of the same call once against the budget', async () => {
  await using upstream = await scriptedUpstream([
    json(chatCompletion('a')),
    json(chatCompletion('b')),
    events(sseChunks('c')),
  ]);
  await using transport = testTransport();
  const call = callTo(upstreamAt(upstream.baseUrl));
  const { ledger } = call.exchange;
  ledger.budget = { maxCalls: 1 };
  await transport.ask(call);
  await transport.ask(call.with({}, { signal: new AbortController().signal }));
  expect(ledger).toMatchObject({ calls: 1, requests: 2, usage: { prompt_tokens: 18, total_tokens: 24 } });
  await expect(transport.ask(call.again())).rejects.toMatchObject({ code: 'budget_exhausted' });
  expect(upstream.requests).toHaveLength(2);
});

test('a trace entry says what a call was and what it cost', async () => {
  await using upstream = await scriptedUpstream([json(chatCompletion('a')), CUT]);
  await using transport = testTransport();
  const trace = createTrace();
  const call = callTo(upstreamAt(upstream.baseUrl), { trace });
  await transport.ask(call);
  await expect(transport.ask(call)).rejects.toMatchObject({ code: 'upstream_unreachable' });
  expect(trace.entries).toMatchObject([
    { role: 'answer', model: 'm', status: 200, usage: { total_tokens: 12 } },
    { role: 'answer', error: 'upstream_unreachable' },
  ]);
});

test.each([301, 302, 303, 307, 308, 304])('a %d is refused and never followed', async (status) => {
  await using upstream = await scriptedUpstream([json('{}', { status, headers: { location: 'http://127.0.0.1:1/' } })]);
  await using transport = testTransport();
  await expect(transport.ask(callTo(upstreamAt(upstream.baseUrl)))).rejects.toMatchObject({
    code: 'upstream_error',
    status: 502,
  });
});

test.each([
  ['HTML', text('<html></html>', { headers: { 'content-type': 'text/html' } })],
  ['an empty body', text('', { headers: { 'content-type': 'application/json' } })],
  ['null', json('null')],
  ['no choices', json({ choices: [] })],
  ['broken JSON', json('{"choices":[{"index":0}')],
  ['204', text('', { status: 204 })],
])('a 200 with %s is a 502, for a chat', async (_, answer) => {
  await using upstream = await scriptedUpstream([answer]);
  await using transport = testTransport();
  const asking = transport.ask(callTo(upstreamAt(upstream.baseUrl)));
  await expect(asking).rejects.toMatchObject({ code: 'upstream_error', status: 502 });
  await expect(asking).rejects.not.toMatchObject({ message: expect.stringContaining('127.0.0.1') as string });
});

test('JSON under another content type is an answer, and says so', async () => {
  await using upstream = await scriptedUpstream([text(JSON.stringify(chatCompletion('a')))]);
  await using transport = testTransport();
  const reply = await transport.ask(callTo(upstreamAt(upstream.baseUrl)));
  expect(headerOf(reply.headers, 'content-type')).toBe('application/json');
});

test('a refusal passes with its status, body and headers', async () => {
  const body = '{"error":{"message":"slow","type":"requests","code":"rate_limit_exceeded","n":1.0}}';
  await using upstream = await scriptedUpstream([json(body, { status: 429, headers: { 'retry-after': '7' } })]);
  await using transport = testTransport();
  const reply = await transport.ask(callTo(upstreamAt(upstream.baseUrl)));
  expect(reply).toMatchObject({ kind: 'complete', status: 429 });
  expect(headerOf(reply.headers, 'retry-after')).toBe('7');
  expect(await textOf(reply)).toBe(body);
});

test('a key that a refusal repeats is struck out, of body and headers', async () => {
  await using upstream = await scriptedUpstream((request) =>
    json(
      { error: { message: `bad key ${request.headers.authorization}` } },
      { status: 401, headers: { 'www-authenticate': `Bearer ${request.headers.authorization}` } },
    ),
  );
  await using transport = testTransport();
  for (const identity of [{ id: 'a' }, { id: 'b', upstreamKeys: { main: 'sk-alice' } }]) {
    const reply = await transport.ask(callTo(upstreamAt(upstream.baseUrl), { identity }));
    expect(await textOf(reply)).toContain('bad key Bearer [redacted]');
    expect(JSON.stringify(reply.headers)).not.toMatch(/sk-/);
  }
});

test('a refusal in HTML, or too large to be read, becomes an error object of the same status', async () => {
  await using upstream = await scriptedUpstream([
    text('<html>gateway</html>', { status: 503, headers: { 'content-type': 'text/html', 'retry-after': '3' } }),
    json(`{"error":{"message":"${'x'.repeat(2_000_000)}"}}`, { status: 500 }),
  ]);
  await using transport = testTransport();
  const call = callTo(upstreamAt(upstream.baseUrl));
  for (const status of [503, 500]) {
    const reply = await transport.ask(call);
    expect(reply).toMatchObject({ kind: 'complete', status });
    expect(headerOf(reply.headers, 'content-type')).toBe('application/json');
    expect(JSON.parse(await textOf(reply))).toEqual({
      error: {
        message: `The upstream 'main' answered with status ${status}`,
        type: 'server_error',
        param: null,
        code: null,
      },
    });
  }
});

test('an error object in a 200 is an error with its own status', async () => {
  await using upstream = await scriptedUpstream([json({ error: { message: 'm', code: 429 } })]);
  await using transport = testTransport();
  expect(await transport.ask(callTo(upstreamAt(upstream.baseUrl)))).toMatchObject({ kind: 'complete', status: 429 });
});

test('an answer above 1 MB is piped, unless the call wants it whole', async () => {
  const large = JSON.stringify(chatCompletion('x'.repeat(1_500_000)));
  await using upstream = await scriptedUpstream(json(large));
  await using transport = testTransport();
  const to = upstreamAt(upstream.baseUrl);
  const plain = callTo(to);
  const piped = await transport.ask(plain);
  expect(piped.kind).toBe('bytes');
  expect(await textOf(piped)).toBe(large);
  expect(plain.exchange.ledger.usage).toMatchObject({ total_tokens: 12 });
  const whole = await transport.ask(callTo(to, { wantsWhole: true }).with({ temperature: 1 }));
  expect(whole.kind).toBe('complete');
  expect(await textOf(whole)).toBe(large);
});

test('a piped answer that is cut fails', async () => {
  const large = JSON.stringify(chatCompletion('x'.repeat(1_500_000)));
  await using upstream = await scriptedUpstream(json(large, { cutAfter: 1_400_000 }));
  await using transport = testTransport();
  const reply = await transport.ask(callTo(upstreamAt(upstream.baseUrl)));
  await expect(textOf(reply)).rejects.toMatchObject({ code: 'upstream_stream_interrupted' });
});

test('on other paths any content passes: JSON whole, the rest as bytes with its length', async () => {
  const audio = Buffer.from([0, 1, 2, 255]);
  await using upstream = await scriptedUpstream([
    text(audio, { headers: { 'content-type': 'audio/mpeg' } }),
    json('[1.0]'),
    text('', { status: 204 }),
  ]);
  await using transport = testTransport();
  const call = callTo(upstreamAt(upstream.baseUrl), { operation: 'other', path: '/v1/audio/speech' });
  const bytes = await transport.ask(call);
  expect(bytes).toMatchObject({ kind: 'bytes', status: 200 });
  expect(headerOf(bytes.headers, 'content-length')).toBe('4');
  expect(await textOf(bytes)).toBe(audio.toString());
  const whole = await transport.ask(call);
  expect(whole.kind).toBe('complete');
  expect(await textOf(whole)).toBe('[1.0]');
  const empty = await transport.ask(call);
  expect(empty.status).toBe(204);
  expect(await textOf(empty)).toBe('');
});

test.each([
  ['gzip', gzipSync],
  ['br', brotliCompressSync],
  ['zstd', zstdCompressSync],
])('an answer that comes in %s all the same is decoded, whole or as a stream', async (coding, encode) => {
  const answer = JSON.stringify(chatCompletion('a'));
  const headers = { 'content-encoding': coding };
  const stream = encode(Buffer.from(sseChunks('a', 'b').join('')));
  await using upstream = await scriptedUpstream([
    text(encode(Buffer.from(answer)), { headers: { ...headers, 'content-type': 'application/json' } }),
    events([stream.subarray(0, 20), stream.subarray(20)], { headers }),
    text(encode(Buffer.from(answer)).subarray(0, 30), { headers }),
  ]);
  await using transport = testTransport();
  const call = callTo(upstreamAt(upstream.baseUrl));
  const reply = await transport.ask(call);
  expect(await textOf(reply)).toBe(answer);
  expect(headerOf(reply.headers, 'content-encoding')).toBeUndefined();
  expect(await textOf(await transport.ask(call))).toBe(sseChunks('a', 'b').join(''));
  await expect(transport.ask(call)).rejects.toMatchObject({ code: 'upstream_error' });
});

test('an upload is sent as it comes, with its length, and is untouched where nobody answers the door', async () => {
  await using upstream = await scriptedUpstream(json('{"id":"file"}'));
  await using transport = testTransport();
  let isStarted = false;
  const upload = {
    contentType: 'multipart/form-data; boundary=x',
    contentLength: 6,
    isStarted: false,
    body: (async function* read() {
      isStarted = true;
      yield await Promise.resolve(Buffer.from('abc'));
      yield Buffer.from('def');
    })(),
  };
  const options = { operation: 'other', path: '/v1/files', upload } as const;
  await expect(
    transport.ask(callTo(upstreamAt('http://127.0.0.1:9'), options), { body: upload.body }),
  ).rejects.toMatchObject({ code: 'upstream_unreachable' });
  expect(isStarted).toBe(false);
  await transport.ask(callTo(upstreamAt(upstream.baseUrl), options), { body: upload.body });
  expect(upstream.requests[0]?.body.toString()).toBe('abcdef');
  expect(upstream.requests[0]?.headers['content-length']).toBe('6');
});

test('failures of the connection have their own errors, without any address', async () => {
  await using upstream = await scriptedUpstream([CUT, json('{"choices":[{}]}', { cutAfter: 5 })]);
  await using transport = testTransport();
  const call = callTo(upstreamAt(upstream.baseUrl));
  await expect(transport.ask(call)).rejects.toMatchObject({ code: 'upstream_unreachable', status: 502 });
  await expect(transport.ask(call)).rejects.toMatchObject({ code: 'upstream_stream_interrupted', status: 502 });
  const nobody = transport.ask(callTo(upstreamAt('http://127.0.0.1:9')));
  await expect(nobody).rejects.toMatchObject({
    code: 'upstream_unreachable',
    message: "The upstream 'main' could not be reached: the connection was refused",
  });
  await expect(transport.ask(callTo(upstreamAt('http://no-such-host.invalid')))).rejects.toMatchObject({
    code: 'upstream_unreachable',
  });
});

test('a body that is cut where nothing frames it is no answer', async () => {
  const answer = JSON.stringify(chatCompletion('some text'));
  await using upstream = await scriptedUpstream(({ index }) =>
    index < answer.length - 1
      ? { steps: [answer.slice(0, index + 1)], isUnframed: true, headers: { 'content-type': 'application/json' } }
      : HANG,
  );
  await using transport = testTransport();
  const call = callTo(upstreamAt(upstream.baseUrl));
  for (let k = 1; k < answer.length; k++) {
    await expect(transport.ask(call)).rejects.toMatchObject({ code: 'upstream_error' });
  }
});

test('the upstream’s model list is fetched with the server’s key and counted nowhere', async () => {
  await using upstream = await scriptedUpstream([json({ data: [{ id: 'a' }] })]);
  await using transport = testTransport();
  const { status, body } = await transport.get(upstreamAt(upstream.baseUrl), {
    path: '/models',
    credential: { header: 'authorization', scheme: 'Bearer' },
    call: undefined,
    signal: new AbortController().signal,
  });
  expect([status, body.toString()]).toEqual([200, '{"data":[{"id":"a"}]}']);
  expect(upstream.requests[0]).toMatchObject({ path: '/v1/models', headers: { authorization: 'Bearer sk-server' } });
});

test('an upstream’s interim answers are passed over', async () => {
  await using upstream = await scriptedUpstream([json(chatCompletion('a'), { earlyHints: true })]);
  await using transport = testTransport();
  expect(await transport.ask(callTo(upstreamAt(upstream.baseUrl)))).toMatchObject({ status: 200 });
});

test('a provider may sign a request instead of sending the key', async () => {
  await using upstream = await scriptedUpstream(json(chatCompletion('hi')));
  await using transport = testTransport();
  const signed: SignableRequest[] = [];
  const credential: Signer = {
    sign: async (request, key) => {
      signed.push(request);
      return ['authorization', `Signed ${createHash('sha256').update(`${key}${request.url.pathname}`).digest('hex')}`];
    },
  };
  const call = callTo(upstreamAt(upstream.baseUrl));
  await transport.ask(call, { credential, path: '/chat/completions?a=1' });
  await transport.get(call.upstream, { path: '/models', credential, call: undefined, signal: call.signal });

  expect(signed.map(({ method, url, body }) => [method, url.pathname + url.search, body])).toEqual([
    ['POST', '/v1/chat/completions?a=1', call.request.bytes],
    ['GET', '/v1/models', undefined],
  ]);
  for (const { headers, rawHeaders } of upstream.requests) {
    expect(headers.authorization).toMatch(/^Signed [0-9a-f]{64}$/);
    expect(rawHeaders.join('\n')).not.toContain('sk-server');
  }
});

test('a client that leaves while a request is signed sends nothing', async () => {
  await using upstream = await scriptedUpstream([]);
  await using transport = testTransport();
  const abort = new AbortController();
  const credential: Signer = {
    sign: () => {
      abort.abort(new Error('gone'));
      return Promise.resolve([]);
    },
  };
  const call = callTo(upstreamAt(upstream.baseUrl), { signal: abort.signal });
  await expect(transport.ask(call, { credential })).rejects.toThrow('gone');
  expect(upstream.requests).toEqual([]);
});
