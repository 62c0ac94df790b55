/** What never ends, or grows, or stalls. The clock stands still unless a test moves it. */
import { getEventListeners } from 'node:events';
import type { ServerResponse } from 'node:http';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { failureOf, fetched, fetcher, rawWeb, reasonOf, until, web } from './web.ts';

const MEGABYTE = 1024 * 1024;
const GONE = new Error('gone');

test.each([
  ['gzip', gzipSync(Buffer.alloc(64 * MEGABYTE))],
  ['br', brotliCompressSync(Buffer.alloc(64 * MEGABYTE))],
])('a bomb in %s, small on the wire, is too large', async (encoding, bomb) => {
  await using server = await web((_request, response) =>
    response.writeHead(200, { 'content-encoding': encoding }).end(bomb),
  );
  expect(bomb.length).toBeLessThan(MEGABYTE);
  const error = await failureOf(fetched(server.url, { ...server.allowed, maxBytes: MEGABYTE }));
  expect(error).toMatchObject({ reason: 'too_large', isRefusal: true });
  expect(error.message).toContain('larger than 1048576 bytes');
});

test.each([
  ['plain', {}, Buffer.alloc(64 * 1024)],
  ['compressed', { 'content-encoding': 'gzip' }, gzipSync(Buffer.alloc(MEGABYTE))],
])('an endless %s body is left at the bound, and its socket closed', async (_kind, headers, piece) => {
  await using server = await web((_request, response) => {
    response.writeHead(200, headers);
    const more = () => {
      while (!response.destroyed && response.write(piece));
    };
    response.on('drain', more);
    more();
  });
  expect(await reasonOf(fetched(server.url, server.allowed))).toBe('too_large');
  await server.allClosed();
});

test('a body of exactly the bound is taken, one byte more is not', async () => {
  await using server = await web((request, response) => response.end(Buffer.alloc(Number(request.url?.slice(1)))));
  const options = { ...server.allowed, maxBytes: 1_000 };
  expect((await fetched(`${server.url}/1000`, options)).body).toHaveLength(1_000);
  expect(await reasonOf(fetched(`${server.url}/1001`, options))).toBe('too_large');
});

test('an answer that announces too much is refused before its body comes', async () => {
  await using server = await web((_request, response) => {
    response.writeHead(200, { 'content-length': 6 * MEGABYTE }).flushHeaders();
  });
  expect(await reasonOf(fetched(server.url, server.allowed))).toBe('too_large');
});

test('headers of 100 KB are too large', async () => {
  await using server = await web((_request, response) =>
    response.writeHead(200, { 'x-long': 'x'.repeat(100_000) }).end(),
  );
  const error = await failureOf(fetched(server.url, server.allowed));
  expect([error.reason, error.message]).toEqual(['too_large', expect.stringContaining('headers')]);
});

test.each([
  ['announces more than it sends', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello'],
  ['ends amid its chunks', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n'],
  ['is no HTTP', 'SSH-2.0-OpenSSH_9.9\r\n'],
  ['says nothing', ''],
  ['switches protocols unasked', 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'],
])('a server that %s is a connection that failed', async (_what, said) => {
  await using server = await rawWeb((socket) => socket.once('data', () => socket.end(said)));
  expect(await failureOf(fetched(server.url, server.allowed))).toMatchObject({
    reason: 'connection',
    isRefusal: false,
    host: '127.0.0.1',
  });
});

test('what comes after the announced length is not read', async () => {
  const said = 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx';
  await using server = await rawWeb((socket) => socket.once('data', () => socket.end(said)));
  expect((await fetched(server.url, server.allowed)).body.toString()).toBe('hello');
});

test('a port where nobody listens is a connection that failed, with its code', async () => {
  const server = await web(() => undefined);
  const { url, allowed } = server;
  await server[Symbol.asyncDispose]();
  const error = await failureOf(fetched(url, allowed));
  expect([error.reason, error.message]).toEqual(['connection', expect.stringContaining('(ECONNREFUSED)')]);
});

test('a name that takes too long to resolve fails in the time to connect', async () => {
  const { fetch, clock } = fetcher({ resolve: () => new Promise(() => {}) });
  const failing = failureOf(fetch('http://slow.test/'));
  clock.advance(2_999);
  expect(clock.timers).toBe(2);
  clock.advance(1);
  const error = await failing;
  expect(error).toMatchObject({ reason: 'timeout', isRefusal: false, host: 'slow.test' });
  expect(error.message).toBe("The fetch from 'slow.test' failed: no connection was made within 3000 ms");
  expect(clock.timers).toBe(0);
});

test('a TLS handshake that nobody answers fails in the time to connect, and its socket closes', async () => {
  await using server = await rawWeb((socket) => socket.resume());
  const { fetch, clock } = fetcher();
  const failing = reasonOf(fetch(server.url.replace('http', 'https'), server.allowed));
  await until(() => server.hits === 1);
  clock.advance(3_000);
  expect(await failing).toBe('timeout');
  await server.allClosed();
});

test('headers that do not come fail in their time, which starts with the connection', async () => {
  let requests = 0;
  await using server = await web(() => requests++);
  const { fetch, clock } = fetcher();
  const failing = failureOf(fetch(server.url, server.allowed));
  await until(() => requests === 1);
  clock.advance(4_999);
  expect(clock.timers).toBe(2);
  clock.advance(1);
  expect((await failing).message).toBe("The fetch from '127.0.0.1' failed: it did not answer within 5000 ms");
  await server.allClosed();
});

test('a body that pauses too long fails', async () => {
  await using server = await web((_request, response) => response.writeHead(200).write('hello'));
  const { fetch, clock } = fetcher();
  const failing = failureOf(fetch(server.url, { ...server.allowed, timeouts: { idleMs: 700 } }));
  await until(() => clock.nextMs === 700);
  clock.advance(700);
  expect((await failing).message).toBe("The fetch from '127.0.0.1' failed: its answer paused for 700 ms");
  await server.allClosed();
});

test('a body that drips fails in the time for all of it, though it never pauses for long', async () => {
  let response: ServerResponse | undefined;
  await using server = await web((_request, given) => {
    response = given;
    given.writeHead(200).write('.');
  });
  const { fetch, clock } = fetcher();
  let isOver = false;
  const failing = failureOf(fetch(server.url, server.allowed)).finally(() => (isOver = true));
  await until(() => response !== undefined);
  for (const total of [6_000, 2_000]) {
    // The timer of the pause is set anew by each drop.
    await until(() => clock.nextMs === Math.min(5_000, total + 4_000));
    clock.advance(4_000);
    response?.write('.');
  }
  await until(() => clock.nextMs === 2_000);
  expect(isOver).toBe(false);
  clock.advance(2_000);
  expect((await failing).message).toBe("The fetch from '127.0.0.1' failed: it took longer than 10000 ms");
  await server.allClosed();
});

test('the time for all of it includes redirects', async () => {
  const waiting: ServerResponse[] = [];
  await using server = await web((_request, response) => waiting.push(response));
  const { fetch, clock } = fetcher();
  const failing = failureOf(fetch(server.url, server.allowed));
  for (const step of [1, 2]) {
    await until(() => waiting.length === step);
    clock.advance(4_000);
    waiting[step - 1]?.writeHead(302, { location: `/${step}` }).end();
  }
  await until(() => waiting.length === 3);
  clock.advance(2_000);
  expect((await failing).message).toContain('longer than 10000 ms');
});

test('a signal that is aborted already fetches nothing', async () => {
  await using server = await web((_request, response) => response.end());
  const fetching = fetched(server.url, { ...server.allowed, signal: AbortSignal.abort(GONE) });
  await expect(fetching).rejects.toBe(GONE);
  expect(server.hits).toBe(0);
});

test('aborted while the name is resolved, it rejects with the signal’s reason', async () => {
  const abort = new AbortController();
  const { fetch, clock } = fetcher({ resolve: () => new Promise(() => {}) });
  const fetching = fetch('http://slow.test/', { signal: abort.signal });
  abort.abort(GONE);
  await expect(fetching).rejects.toBe(GONE);
  expect(clock.timers).toBe(0);
});

test.each([
  ['waiting for headers', () => undefined],
  ['in the body', (response: ServerResponse) => response.writeHead(200).write('hello')],
  [
    'in a compressed body',
    (response: ServerResponse) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).write(gzipSync('hello').subarray(0, 20)),
  ],
])('aborted %s, it rejects with the signal’s reason, and the socket closes', async (_when, answer) => {
  let requests = 0;
  await using server = await web((_request, response) => {
    requests++;
    answer(response);
  });
  const abort = new AbortController();
  const { fetch, clock } = fetcher();
  const fetching = fetch(server.url, { ...server.allowed, signal: abort.signal });
  await until(() => requests === 1);
  abort.abort(GONE);
  await expect(fetching).rejects.toBe(GONE);
  await server.allClosed();
  expect(clock.timers).toBe(0);
});

test('a fetch that is over leaves no timer and no listener behind', async () => {
  await using server = await web((_request, response) => response.end('hello'));
  const abort = new AbortController();
  const { fetch, clock } = fetcher();
  await fetch(server.url, { ...server.allowed, signal: abort.signal });
  await reasonOf(fetch('http://127.0.0.1/', { signal: abort.signal }));
  expect(clock.timers).toBe(0);
  expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
});
