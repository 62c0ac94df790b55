/** Requests through a proxy: a real one, that says what it was asked. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, request as ask, type IncomingMessage } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { startGateway } from '../../support/gateway.ts';
import { chatCompletion, events, json, scriptedUpstream, sseChunks } from '../../support/scripted-upstream.ts';
import { testTransport, textOf } from '../../support/transport.ts';
import { callTo, upstreamAt } from '../../support/upstream-call.ts';
import { CERTIFICATE, KEY } from '../fetch/certificate.ts';

/** A proxy for which every host is this machine. @param password  What it wants as `user:password`. */
async function startProxy({ password }: { readonly password?: string } = {}) {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const isAllowed = ({ headers }: IncomingMessage) =>
    password === undefined || headers['proxy-authorization'] === `Basic ${Buffer.from(password).toString('base64')}`;
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    if (!isAllowed(request)) {
      response.writeHead(407).end();
      return;
    }
    const { port, pathname } = new URL(request.url ?? '');
    const { method, headers } = request;
    const passed = ask({ port, path: pathname, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.pipe(response);
    });
    request.pipe(passed);
  });
  server.on('connect', (request, client: Socket) => {
    asked.push(`CONNECT ${request.url}`);
    if (!isAllowed(request)) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    const target = connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      client.pipe(target).pipe(client);
    });
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.closeAllConnections();
    server.close();
  });
  return { asked, address: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** An upstream with a certificate for `pinned.test`. */
async function startTlsUpstream(): Promise<number> {
  const server = createTlsServer({ key: KEY, cert: CERTIFICATE }, (request, response) => {
    request.resume();
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(chatCompletion(`to ${request.headers.host?.split(':')[0]}`)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

test('to an https address by a tunnel, checked by the authority of the upstream', async () => {
  const port = await startTlsUpstream();
  const proxy = await startProxy({ password: 'me:s:cret' });
  await using transport = testTransport();
  const settings = { proxy: `http://me:s%3Acret@${proxy.address}`, tls: { verify: true, ca: CERTIFICATE } };
  const reply = await transport.ask(callTo(upstreamAt(`https://pinned.test:${port}/v1`, settings)));
  expect(await textOf(reply)).toContain('to pinned.test');
  expect(proxy.asked).toEqual([`CONNECT pinned.test:${port}`]);

  const untrusted = upstreamAt(`https://pinned.test:${port}/v1`, { ...settings, tls: { verify: true } });
  await expect(transport.ask(callTo(untrusted))).rejects.toThrow(/its TLS certificate was not accepted/);
});

test('to an http address by whole addresses, as the environment says; other upstreams directly', async () => {
  await using upstream = await scriptedUpstream(({ json: body }) =>
    body['stream'] === true ? events(sseChunks('a', 'b')) : json(chatCompletion('hi')),
  );
  const proxy = await startProxy();
  const { port } = new URL(upstream.url);
  await using gateway = await startGateway(undefined, {
    yaml: `upstreams:
  far: { base_url: "http://far.test:${port}/v1", api_key: sk-server }
  near: { base_url: "${upstream.baseUrl}", api_key: sk-server }
plugins: [auth]`,
    env: { HTTP_PROXY: proxy.address },
  });
  expect(await (await gateway.chat({ model: 'm' })).text()).toContain('hi');
  expect(await (await gateway.chat({ model: 'm', stream: true })).text()).toContain('[DONE]');
  expect(proxy.asked).toEqual(Array(2).fill(`POST http://far.test:${port}/v1/chat/completions`));
  expect(upstream.requests[0]?.headers).toMatchObject({ host: `far.test:${port}`, authorization: 'Bearer sk-server' });

  expect((await gateway.chat({ model: 'near/m' })).status).toBe(200);
  expect(proxy.asked).toHaveLength(2);
});

test.each(['http', 'https'])('a proxy that refuses is named, to an %s address', async (scheme) => {
  const proxy = await startProxy({ password: 'a:b' });
  await using transport = testTransport();
  const call = callTo(upstreamAt(`${scheme}://far.test/v1`, { proxy: `http://${proxy.address}` }));
  await expect(transport.ask(call)).rejects.toMatchObject({
    code: 'upstream_unreachable',
    message: expect.stringContaining('its proxy wants a user and a password (407)') as string,
  });
});

test('a proxy that is not there is named, without its address', async () => {
  await using transport = testTransport();
  const call = callTo(upstreamAt('https://far.test/v1', { proxy: 'http://me:secret@127.0.0.1:1' }));
  await expect(transport.ask(call)).rejects.toThrow(
    "The upstream 'main' could not be reached: on the way to its proxy, the connection was refused",
  );
});

test('what proxies need is loaded only where there is one', async () => {
  const [pools, call] = ['core/transport/pools.ts', 'test/support/upstream-call.ts'].map(
    (path) => new URL(`../../../${path}`, import.meta.url).href,
  );
  const code = `const { createPools } = await import('${pools}');
    const { upstreamAt } = await import('${call}');
    const { default: { _cache } } = await import('node:module');
    const isLoaded = () => Object.keys(_cache).some((path) => path.endsWith('undici/index.js'));
    const all = createPools();
    all.for(upstreamAt('https://a.test'));
    const before = isLoaded();
    all.for(upstreamAt('https://a.test', { proxy: 'http://proxy.test' }));
    console.log(before, isLoaded());
    await all.close();`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code]);
  expect(stdout.trim()).toBe('false true');
});
