import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { describeChoice, detectUpstream } from '../../../core/gateway/detect.ts';

const log = { debug: () => undefined };
const models =
  (...ids: string[]): RequestListener =>
  (request, response) =>
    request.url === '/v1/models'
      ? response.end(JSON.stringify({ object: 'list', data: ids.map((id) => ({ id, object: 'model' })) }))
      : response.writeHead(404).end();

test('finds a server that lists models, and gives its address and their names', async () => {
  const port = await serve(models('llama3', 'qwen3'));
  const found = await detectUpstream({ ownPort: 1, ports: [port], log });
  expect(found).toEqual({ baseUrl: `http://127.0.0.1:${port}/v1`, models: ['llama3', 'qwen3'] });
});

test('prefers the first port in order, even where a later one answers sooner', async () => {
  const answered = Promise.withResolvers<void>();
  const slow = await serve((request, response) => {
    void answered.promise.then(() => models('slow')(request, response));
  });
  const fast = await serve((request, response) => {
    models('fast')(request, response);
    response.once('close', () => answered.resolve());
  });
  expect((await detectUpstream({ ownPort: 1, ports: [slow, fast], fetchTimeoutMs: 10_000, log }))?.models).toEqual([
    'slow',
  ]);
});

test.each<[string, RequestListener]>([
  ['answers with HTML', (_, response) => response.end('<html>')],
  ['answers with other JSON', (_, response) => response.end('{"status":"ok"}')],
  ['lists nothing', models()],
  ['lists what would write on a terminal', models('\x1b[2J', 'a\nb', 'x\u202ey', 'm'.repeat(1_000))],
  ['lists null', (_, response) => response.end('{"object":"list","data":null}')],
  ['refuses', (_, response) => response.writeHead(401).end('{"data":[{"id":"x"}]}')],
  ['never answers', () => undefined],
  ['breaks off', (_, response) => void response.write('{"data":[', () => response.destroy())],
  ['never ends', (_, response) => void response.write('{"data":[')],
  ['is another optigate', (request, response) => models('x')(request, response.setHeader('x-optigate-upstream', 'a'))],
])('passes over a server that %s', async (_, listener) => {
  const wrong = await serve(listener);
  const right = await serve(models('right'));
  const found = await detectUpstream({ ownPort: 1, ports: [wrong, right], fetchTimeoutMs: 400, log });
  expect(found?.models).toEqual(['right']);
});

test('never asks our own port', async () => {
  let asked = 0;
  const own = await serve((request, response) => {
    asked++;
    models('own')(request, response);
  });
  expect(await detectUpstream({ ownPort: own, ports: [own], log })).toBeUndefined();
  expect(asked).toBe(0);
});

test('finds nothing where nothing listens', async () => {
  const closed = createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port } = closed.address() as AddressInfo;
  closed.close();
  expect(await detectUpstream({ ownPort: 1, ports: [port], log })).toBeUndefined();
});

test('lets go of the servers it did not choose', async () => {
  const closed = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const first = await serve((request, response) => {
    void asked.promise.then(() => models('first')(request, response));
  });
  const silent = await serve((_, response) => {
    asked.resolve();
    response.once('close', () => closed.resolve());
  });
  await detectUpstream({ ownPort: 1, ports: [first, silent], fetchTimeoutMs: 60_000, log });
  await closed.promise;
});

test('the start says what was chosen and how to do better', () => {
  expect(describeChoice({ kind: 'demo' }).join('\n')).toMatch(/DEMO.*canned.*OPENAI_API_KEY.*ollama serve/s);
  const local = { kind: 'local', baseUrl: 'http://127.0.0.1:11434/v1', models: ['llama3', 'qwen3'] } as const;
  expect(describeChoice(local).join('\n')).toMatch(/http:\/\/127\.0\.0\.1:11434\/v1 \(llama3 and 1 more\)/);
});

async function serve(listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
