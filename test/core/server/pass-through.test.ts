import { request } from 'node:http';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { startGateway } from '../../support/gateway.ts';
import { chatCompletion, json, scriptedUpstream, text } from '../../support/scripted-upstream.ts';

const ODD_BODY =
  '{ "model":"m", "seed": 9007199254740993, "temperature":1.0,\n "x_vendor": {"deep":[1e400, 0.10]}, "messages":[{"role":"user","content":"h\\u00e9\\ud83d\\ude00"}], "__proto__": {"a":1} }';

describe('what nobody changes', () => {
  test('goes upstream as the very bytes of the client, and comes back as those of the upstream', async () => {
    const answer =
      '{"id":"x","object":"chat.completion","created":1,"model":"m-2024","choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop"}], "odd":1.0,"big":9007199254740993}';
    await using upstream = await scriptedUpstream(text(answer, { headers: { 'content-type': 'application/json' } }));
    await using gateway = await startGateway(upstream);
    const response = await gateway.fetch('/v1/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: ODD_BODY,
    });
    expect(await response.text()).toBe(answer);
    expect(upstream.requests[0]?.body.toString()).toBe(ODD_BODY);
  });

  test('keeps its digits where the model is rewritten', async () => {
    await using upstream = await scriptedUpstream(json(chatCompletion('a')));
    await using gateway = await startGateway(upstream);
    const body = ODD_BODY.replace('"m"', '"main/m"');
    await gateway.fetch('/v1/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    const sent = upstream.requests[0]?.body.toString() ?? '';
    for (const kept of [
      '"seed": 9007199254740993',
      '"temperature":1.0',
      '[1e400, 0.10]',
      '"h\\u00e9\\ud83d\\ude00"',
      '"__proto__": {"a":1}',
    ]) {
      expect(sent).toContain(kept);
    }
    expect(upstream.requests[0]?.json['model']).toBe('m');
  });

  test.each(['/v1/completions', '/v1/embeddings', '/v1/responses'])('%s passes both ways', async (path) => {
    await using upstream = await scriptedUpstream(
      json({ object: 'thing', model: 'm', data: [], output: [], choices: [{ text: 'x' }] }),
    );
    await using gateway = await startGateway(upstream);
    const body = '{"model":"m","input":"x","prompt":"x","odd":1.0}';
    const response = await gateway.fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect(response.status).toBe(200);
    expect(upstream.requests[0]).toMatchObject({ path, method: 'POST' });
    expect(upstream.requests[0]?.body.toString()).toBe(body);
  });

  test('any other path passes with method, query, multipart bodies and binary answers', async () => {
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, k) => k % 251));
    await using upstream = await scriptedUpstream(text(bytes, { headers: { 'content-type': 'audio/mpeg' } }));
    await using gateway = await startGateway(upstream);
    const form = new FormData();
    form.set('file', new Blob([bytes]), 'a.mp3');
    form.set('model', 'whisper-1');
    const response = await gateway.fetch('/v1/audio/transcriptions?x=%20y', { method: 'POST', body: form });
    expect(response.headers.get('content-type')).toBe('audio/mpeg');
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
    expect(upstream.requests[0]).toMatchObject({ path: '/v1/audio/transcriptions?x=%20y', method: 'POST' });
    expect(upstream.requests[0]?.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/);
    expect(upstream.requests[0]?.body.includes(bytes)).toBe(true);
  });

  test.each([129, 1e9])(
    'n: %i, more choices than the wire allows, is the upstream’s to refuse and never fanned out',
    async (n) => {
      await using upstream = await scriptedUpstream([json(chatCompletion('a'))]);
      await using gateway = await startGateway(upstream);
      expect((await gateway.chat({ n })).status).toBe(200);
      expect(upstream.requests.map((request) => request.json['n'])).toEqual([n]);
    },
  );

  test.each(['key=secret', '%6bey=secret', 'ke%79=secret'])('a key in the query stays here: %s', async (pair) => {
    await using upstream = await scriptedUpstream(json({ ok: true }));
    await using gateway = await startGateway(upstream);
    await gateway.fetch(`/v1/files?a=%20b&${pair}&keys=c`);
    expect(upstream.requests[0]?.path).toBe('/v1/files?a=%20b&keys=c');
  });

  test('GET and DELETE pass without a body', async () => {
    await using upstream = await scriptedUpstream(json({ deleted: true }));
    await using gateway = await startGateway(upstream);
    expect(await (await gateway.fetch('/v1/files/f-1', { method: 'DELETE' })).json()).toEqual({ deleted: true });
    expect(upstream.requests[0]).toMatchObject({ method: 'DELETE', path: '/v1/files/f-1' });
    expect(upstream.requests[0]?.body).toHaveLength(0);
  });

  test('TRACE does not pass: servers answer it with the request, the key in it included', async () => {
    await using upstream = await scriptedUpstream(json({}));
    await using gateway = await startGateway(upstream);
    const { promise, resolve, reject } = Promise.withResolvers<[number | undefined, string | undefined]>();
    const sent = request(`${gateway.url}/v1/files`, { method: 'TRACE', agent: false }, (response) => {
      response.resume();
      resolve([response.statusCode, response.headers.allow]);
    });
    sent.on('error', reject).end();
    expect(await promise).toEqual([405, 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS']);
    expect(upstream.requests).toHaveLength(0);
  });
});

describe('compressed bodies', () => {
  const body = Buffer.from(JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'x'.repeat(2_000) }] }));
  test.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
  ])('%s is decoded', async (encoding, compress) => {
    await using upstream = await scriptedUpstream(json(chatCompletion('a')));
    await using gateway = await startGateway(upstream);
    const response = await gateway.fetch('/v1/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-encoding': encoding },
      body: compress(body),
    });
    expect(response.status).toBe(200);
    expect(upstream.requests[0]?.body.equals(body)).toBe(true);
    expect(upstream.requests[0]?.headers['content-encoding']).toBeUndefined();
  });

  test('the limit holds for what comes out of them', async () => {
    await using upstream = await scriptedUpstream([]);
    await using gateway = await startGateway(upstream, { yaml: 'server: { port: 0, body_limit: 64kb }' });
    const bomb = gzipSync(Buffer.alloc(10_000_000, 0x20));
    const response = await gateway.fetch('/v1/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      body: bomb,
    });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ error: { code: 'request_too_large' } });
  });

  test('an unknown encoding is a 415, a broken one a 400', async () => {
    await using upstream = await scriptedUpstream([]);
    await using gateway = await startGateway(upstream);
    const send = (encoding: string) =>
      gateway.fetch('/v1/chat/completions', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-encoding': encoding },
        body,
      });
    expect((await send('lzma')).status).toBe(415);
    expect((await send('gzip')).status).toBe(400);
  });
});

describe('headers', () => {
  test('are open by prefix, and closed for what is nobody else’s business', async () => {
    await using upstream = await scriptedUpstream(json(chatCompletion('a')));
    await using gateway = await startGateway(upstream);
    await gateway.chat(
      {},
      {
        'openai-beta': 'x=1',
        'x-stainless-lang': 'js',
        originator: 'codex_cli_rs',
        'session-id': 's1',
        'x-title': 't',
        cookie: 'c=1',
        'x-forwarded-for': '1.2.3.4',
        'x-real-ip': '1.2.3.4',
        'cf-ray': 'r',
        'x-upstream-key': 'sk-up',
        'x-optigate-approach': 'none',
        'x-api-key': 'k',
      },
    );
    const { headers } = upstream.requests[0]!;
    expect(headers).toMatchObject({
      'openai-beta': 'x=1',
      'x-stainless-lang': 'js',
      originator: 'codex_cli_rs',
      'session-id': 's1',
      'x-title': 't',
    });
    for (const name of [
      'cookie',
      'x-forwarded-for',
      'x-real-ip',
      'cf-ray',
      'x-upstream-key',
      'x-optigate-approach',
      'x-api-key',
    ]) {
      expect(headers[name], name).toBeUndefined();
    }
  });

  test('of the upstream pass, but for those that never do; ours are added', async () => {
    await using upstream = await scriptedUpstream(
      json(chatCompletion('a'), {
        headers: {
          'x-ratelimit-remaining-requests': '7',
          'openai-processing-ms': '12',
          'x-request-id': 'up-1',
          'set-cookie': 'a=1',
          server: 'cloudflare',
          'x-optigate-upstream': 'forged',
        },
      }),
    );
    await using gateway = await startGateway(upstream);
    const { headers } = await gateway.chat({}, { 'x-request-id': 'mine-1' });
    expect(Object.fromEntries(headers)).toMatchObject({
      'x-ratelimit-remaining-requests': '7',
      'openai-processing-ms': '12',
      'x-request-id': 'mine-1',
      'x-optigate-upstream-request-id': 'up-1',
      'x-optigate-upstream': 'main',
      'x-optigate-calls': '1',
      'x-optigate-approach': 'none',
    });
    expect(headers.get('set-cookie')).toBeNull();
    expect(headers.get('server')).toBeNull();
  });

  test('an insane request id is replaced', async () => {
    await using upstream = await scriptedUpstream(json(chatCompletion('a')));
    await using gateway = await startGateway(upstream);
    const { headers } = await gateway.chat({}, { 'x-request-id': 'a b' });
    expect(headers.get('x-request-id')).toMatch(/^[\w-]{36}$/);
  });
});
