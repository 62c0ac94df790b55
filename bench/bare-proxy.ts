/**
 * The baseline: the least that a proxy can do in Node. `node:http` receives, undici's dispatch sends on, and answers
 * are piped. It routes, checks and parses nothing. The figures of optigate are divided by its cost.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool, type Dispatcher } from 'undici';
import { offer } from './ipc.ts';

/** What the helper process can do. */
export type BareProxy = { start(upstream: { origin: string }): Promise<{ origin: string }> };

const HOP_HEADERS = new Set(['connection', 'keep-alive', 'transfer-encoding']);

offer({
  start: async ({ origin }) => {
    const pool = new Pool(origin, { connections: 4096, pipelining: 1, allowH2: false, bodyTimeout: 0 });
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = chunks.length === 1 ? (chunks[0] ?? null) : Buffer.concat(chunks);
        const forward = new Forward(response);
        pool.dispatch(
          {
            path: request.url ?? '/',
            method: request.method === 'GET' ? 'GET' : 'POST',
            headers: ['content-type', 'application/json', 'authorization', request.headers.authorization ?? ''],
            body: request.method === 'GET' ? null : body,
          },
          forward,
        );
      });
    });
    server.keepAliveTimeout = 72_000;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  },
} satisfies BareProxy);

/** Pipes an upstream's answer to a client. */
class Forward implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;
  #controller: Dispatcher.DispatchController | undefined;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.once('close', () => {
      if (!response.writableFinished) this.#controller?.abort(new Error('client gone'));
    });
    response.on('drain', () => this.#controller?.resume());
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    const raw = (controller.rawHeaders ?? []) as readonly (Buffer | string)[];
    const headers: string[] = [];
    for (let i = 0; i < raw.length; i += 2) {
      const name = String(raw[i]).toLowerCase();
      if (!HOP_HEADERS.has(name)) headers.push(name, String(raw[i + 1]));
    }
    this.#response.writeHead(status, headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#response.write(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    this.#response.end();
  }

  onResponseError(): void {
    this.#response.destroy();
  }
}
