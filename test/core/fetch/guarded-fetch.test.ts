import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { FetchOptions } from '../../../core/fetch/fetch-options.ts';
import { CERTIFICATE } from './certificate.ts';
import { failureOf, fetched, reasonOf, tlsWeb, web } from './web.ts';

test('brings the answer whole, with its status, headers and type', async () => {
  await using server = await web((_request, response) => {
    response.writeHead(404, { 'Content-Type': 'Text/HTML; charset="UTF-8"', 'X-Thing': 'a' });
    response.end('<p>gone</p>');
  });
  const answer = await fetched(`${server.url}/page?q=1#part`, server.allowed);
  expect(answer).toMatchObject({
    url: `${server.url}/page?q=1`,
    status: 404,
    contentType: { type: 'text/html', charset: 'utf-8' },
    body: Buffer.from('<p>gone</p>'),
  });
  expect(answer.headers).toContain('x-thing');
});

test('sends its own few headers, and no cookie, credential or referrer', async () => {
  const seen: IncomingHttpHeaders[] = [];
  await using server = await web((request, response) => {
    seen.push(request.headers);
    if (request.url === '/') response.writeHead(302, { location: '/next', 'set-cookie': 'a=b' });
    response.end();
  });
  await fetched(server.url, server.allowed);
  const headers = {
    accept: '*/*',
    'accept-encoding': 'gzip, deflate, br',
    'user-agent': 'optigate',
    host: `127.0.0.1:${server.port}`,
    connection: 'close',
  };
  expect(seen).toEqual([headers, headers]);
});

test('headers of the caller go to the first origin, those that say what is wanted to others, too', async () => {
  const seen: IncomingHttpHeaders[] = [];
  await using second = await web((request, response) => {
    seen.push(request.headers);
    response.end();
  });
  await using first = await web((request, response) => {
    seen.push(request.headers);
    response.writeHead(307, { location: request.url === '/' ? '/same-origin' : second.url }).end();
  });
  await fetched(first.url, {
    ports: [first.port, second.port],
    allowPrivate: ['127.0.0.1/32'],
    headers: { Authorization: 'Bearer 1', 'X-Api-Key': '2', 'Accept-Language': 'de' },
    contentTypes: ['text/html', 'application/json'],
    userAgent: 'reader/1.0',
  }).catch(() => undefined);
  const open = { accept: 'text/html, application/json', 'accept-language': 'de', 'user-agent': 'reader/1.0' };
  const closed = { authorization: 'Bearer 1', 'x-api-key': '2' };
  expect(seen).toMatchObject([{ ...open, ...closed }, { ...open, ...closed }, open]);
  expect(Object.keys(seen[2] ?? {})).not.toContain('authorization');
  expect(Object.keys(seen[2] ?? {})).not.toContain('x-api-key');
});

test('headers that may hold keys do not come back with a redirect to the first origin', async () => {
  const seen: string[] = [];
  await using second = await web((_request, response) =>
    response.writeHead(302, { location: `${first.url}/chosen-by-another` }).end(),
  );
  await using first = await web((request, response) => {
    seen.push(`${request.url} ${String(request.headers['x-api-key'])}`);
    if (request.url === '/') response.writeHead(302, { location: second.url });
    response.end();
  });
  await fetched(first.url, {
    ports: [first.port, second.port],
    allowPrivate: ['127.0.0.1'],
    headers: { 'x-api-key': '1' },
  });
  expect(seen).toEqual(['/ 1', '/chosen-by-another undefined']);
});

test('with a body it posts, and is not redirected', async () => {
  const bodies: string[] = [];
  await using server = await web((request: IncomingMessage, response) => {
    void Array.fromAsync(request as AsyncIterable<Buffer>).then((pieces) => {
      bodies.push(`${request.method} ${request.headers['content-type']} ${Buffer.concat(pieces).toString()}`);
      response.writeHead(request.url === '/' ? 200 : 308, { location: '/' }).end();
    });
  });
  const options = { ...server.allowed, headers: { 'content-type': 'application/json' }, body: '{"q":"ü"}' };
  await fetched(server.url, options);
  expect(await reasonOf(fetched(`${server.url}/moved`, options))).toBe('too_many_redirects');
  expect(bodies).toEqual(Array(2).fill('POST application/json {"q":"ü"}'));
});

test.each([
  ['gzip', gzipSync],
  ['x-gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
  ['identity', (body: Buffer) => body],
])('decompresses %s', async (encoding, compress) => {
  const text = Buffer.from('hello '.repeat(10_000));
  await using server = await web((_request, response) =>
    response.writeHead(200, { 'content-encoding': encoding }).end(compress(text)),
  );
  expect((await fetched(server.url, server.allowed)).body.equals(text)).toBe(true);
});

test.each(['zstd', 'gzip, gzip', 'nonsense'])('refuses to guess what %s may be', async (encoding) => {
  await using server = await web((_request, response) =>
    response.writeHead(200, { 'content-encoding': encoding }).end('hello'),
  );
  expect(await reasonOf(fetched(server.url, server.allowed))).toBe('encoding');
});

test.each([
  ['no gzip', Buffer.from('hello')],
  ['half of it', gzipSync('hello '.repeat(1_000)).subarray(0, 30)],
])('an answer that says gzip and is %s could not be decompressed', async (_what, body) => {
  await using server = await web((_request, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(body),
  );
  expect(await failureOf(fetched(server.url, server.allowed))).toMatchObject({ reason: 'encoding', isRefusal: false });
});

test('follows redirects of every kind, up to the bound', async () => {
  const statuses = [301, 302, 303, 307, 308];
  await using server = await web((request, response) => {
    const step = Number(request.url?.slice(1));
    if (step < 5) response.writeHead(statuses[step] ?? 500, { location: `./${step + 1}` });
    response.end(`step ${step}`);
  });
  const answer = await fetched(`${server.url}/0`, server.allowed);
  expect(answer).toMatchObject({ url: `${server.url}/5`, body: Buffer.from('step 5') });
  const error = await failureOf(fetched(`${server.url}/0`, { ...server.allowed, maxRedirects: 4 }));
  expect(error).toMatchObject({ reason: 'too_many_redirects', isRefusal: true });
});

test('a redirect without a location, and 300 and 304, are answers', async () => {
  let status = 302;
  await using server = await web((_request, response) => response.writeHead(status).end());
  for (status of [302, 300, 304]) expect((await fetched(server.url, server.allowed)).status).toBe(status);
});

test.each([
  ['to itself', () => '/'],
  ['in a circle', (path: string) => (path === '/a' ? '/b#x' : '/a')],
])('a redirect %s ends at the second sight', async (_what, locationFor) => {
  await using server = await web((request, response) =>
    response.writeHead(302, { location: locationFor(request.url ?? '') }).end(),
  );
  expect(await reasonOf(fetched(server.url, { ...server.allowed, maxRedirects: 20 }))).toBe('redirect_loop');
  expect(server.hits).toBeLessThan(4);
});

test('over TLS the name is what the certificate is checked for, and a redirect to http is refused', async () => {
  const names: unknown[] = [];
  await using server = await tlsWeb((request, response) => {
    names.push((request.socket as TLSSocket & { servername: unknown }).servername, request.headers.host);
    if (request.url === '/down') response.writeHead(302, { location: `http://pinned.test:${server.port}/` });
    response.end('hello');
  });
  const options: FetchOptions = { ...server.allowed, ca: CERTIFICATE };
  const get = (host: string, path: string, more = options) =>
    fetched(`https://${host}:${server.port}${path}`, more, async () => ['127.0.0.1']);
  expect((await get('pinned.test', '/')).body.toString()).toBe('hello');
  expect(names).toEqual(['pinned.test', `pinned.test:${server.port}`]);
  expect(await reasonOf(get('pinned.test', '/down'))).toBe('insecure_redirect');
  expect((await failureOf(get('other.test', '/'))).message).toMatch(/ERR_TLS_CERT_ALTNAME_INVALID/);
  expect(await reasonOf(get('pinned.test', '/', server.allowed))).toBe('connection');
});

test.each<[string, string | undefined, string, string[]]>([
  ['another type', 'video/mp4', 'x', ['text/html']],
  ['no type', undefined, 'x', ['text/html']],
  ['a type that is no type', 'html', 'x', ['text/html', 'text/*']],
  ['a type that only begins like one', 'text/htmlx', 'x', ['text/html']],
  ['a picture that says it is HTML', 'text/html', '\x89PNG\r\n\x1a\n\0\0\0\rIHDR', ['text/html']],
  ['a PDF that says it is text', 'text/plain', '%PDF-1.7\n', ['text/*']],
  ['an archive that says it is JSON', 'application/ld+json', 'PK\x03\x04', ['application/*']],
])('where types are limited, refuses %s', async (_what, type, body, contentTypes) => {
  await using server = await web((_request, response) => {
    response.writeHead(200, type === undefined ? {} : { 'content-type': type }).end(Buffer.from(body, 'latin1'));
  });
  const error = await failureOf(fetched(server.url, { ...server.allowed, contentTypes }));
  expect(error).toMatchObject({ reason: 'content_type', isRefusal: true });
  await expect(fetched(server.url, server.allowed)).resolves.toMatchObject({ status: 200 });
});

test.each<[string, string, Buffer, string[]]>([
  ['its type in another case', 'Text/HTML;charset=x', Buffer.from('<p>'), ['text/HTML']],
  ['a type of a whole kind', 'text/markdown', Buffer.from('# a'), ['text/*']],
  ['anything', 'video/mp4', Buffer.from([0]), ['*/*']],
  ['text in UTF-16', 'text/plain', Buffer.from('\ufeffhello', 'utf16le'), ['text/plain']],
  ['text in UTF-16 by its header', 'text/plain; charset=utf-16le', Buffer.from('hello', 'utf16le'), ['text/plain']],
  ['text with escapes (ISO-2022-JP)', 'text/html', Buffer.from('\x1b$B8l\x1b(B'), ['text/html']],
  ['no text at all', 'text/html', Buffer.alloc(0), ['text/html']],
])('where types are limited, takes %s', async (_what, type, body, contentTypes) => {
  await using server = await web((_request, response) => response.writeHead(200, { 'content-type': type }).end(body));
  expect((await fetched(server.url, { ...server.allowed, contentTypes })).body).toEqual(body);
});

test('where types are limited, an error page may still be of any', async () => {
  await using server = await web((_request, response) =>
    response.writeHead(503, { 'content-type': 'text/html' }).end('<p>later</p>'),
  );
  const answer = await fetched(server.url, { ...server.allowed, contentTypes: ['application/json'] });
  expect(answer).toMatchObject({ status: 503, contentType: { type: 'text/html' } });
});

test('no socket outlives its fetch, whatever came of it', async () => {
  await using server = await web((request, response) => {
    response.setHeader('connection', 'keep-alive');
    if (request.url === '/redirect') response.writeHead(302, { location: '/' });
    if (request.url === '/large') response.writeHead(200, { 'content-length': 1e9 });
    response.write('hello');
    if (request.url !== '/large') response.end();
  });
  const fetchings = ['/', '/redirect', '/large'].map((path) => fetched(server.url + path, server.allowed));
  await Promise.allSettled(fetchings);
  await server.allClosed();
  expect(server.hits).toBe(4);
});

test.each([
  [{ maxBytes: Number.NaN }, RangeError],
  [{ maxBytes: -1 }, RangeError],
  [{ maxRedirects: 1.5 }, RangeError],
  [{ timeouts: { totalMs: Number.POSITIVE_INFINITY } }, RangeError],
  [{ timeouts: { idleMs: 0 } }, RangeError],
  [{ allowPrivate: ['10.0.0.0/33'] }, TypeError],
  [{ allowPrivate: ['localhost'] }, TypeError],
  [{ denyHosts: ['10.0.0.0/33'] }, TypeError],
  [{ denyHosts: ['https://example.com'] }, TypeError],
  [{ headers: { Cookie: 'a=b' } }, TypeError],
  [{ headers: { host: 'internal' } }, TypeError],
  [{ headers: { 'x-a': 'b\r\nc: d' } }, TypeError],
  [{ userAgent: 'a\nb' }, TypeError],
])('options that would be no limit, or none that was meant, are refused: %j', async (options, kind) => {
  await using server = await web((_request, response) => response.end());
  await expect(fetched(server.url, { ...server.allowed, ...options })).rejects.toBeInstanceOf(kind);
  expect(server.hits).toBe(0);
});

test('the environment’s proxy is not used', async () => {
  await using proxy = await web((_request, response) => response.end('proxied'));
  await using server = await web((_request, response) => response.end('direct'));
  const script = `
    import { createFetch } from ${JSON.stringify(new URL('../../../core/fetch/guarded-fetch.ts', import.meta.url).href)};
    import { systemClock } from ${JSON.stringify(new URL('../../../core/clock.ts', import.meta.url).href)};
    const { body } = await createFetch({ clock: systemClock })(${JSON.stringify(server.url)}, ${JSON.stringify(server.allowed)});
    process.stdout.write(body);`;
  const { spawn } = await import('node:child_process');
  const env = {
    ...process.env,
    NODE_USE_ENV_PROXY: '1',
    http_proxy: proxy.url,
    HTTP_PROXY: proxy.url,
    no_proxy: '',
    NO_PROXY: '',
  };
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = await Promise.all([Array.fromAsync(child.stdout as AsyncIterable<Buffer>), once(child, 'close')]);
  expect(Buffer.concat(said).toString()).toBe('direct');
  expect(proxy.hits).toBe(0);
});
