import { once } from 'node:events';
import http, { type RequestListener } from 'node:http';
import https from 'node:https';
import net, { type AddressInfo, type Server, type Socket } from 'node:net';
import { createFetch, type Fetched, type GuardedFetch } from '../../../core/fetch/guarded-fetch.ts';
import { FetchError, type FetchReason } from '../../../core/fetch/fetch-error.ts';
import type { FetchOptions } from '../../../core/fetch/fetch-options.ts';
import type { Resolve } from '../../../core/fetch/pinned-connection.ts';
import { SteppedClock } from '../../support/clock.ts';
import { CERTIFICATE, KEY } from './certificate.ts';

/** A server of the web, on loopback; `hits` counts connections, so that a refused fetch can be shown to make none. */
export class Web implements AsyncDisposable {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  #wake: (() => void)[] = [];
  hits = 0;

  constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.hits++;
      this.#open.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => {
        this.#open.delete(socket);
        for (const wake of this.#wake.splice(0)) wake();
      });
    });
  }

  static async listen(server: Server, address = '127.0.0.1'): Promise<Web> {
    await once(server.listen(0, address), 'listening');
    return new Web(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** What makes this server, and nothing else of the machine, one that may be fetched. */
  get allowed(): { ports: number[]; allowPrivate: string[] } {
    return { ports: [this.port], allowPrivate: [`127.0.0.1/32:${this.port}`] };
  }

  /** Resolves when no connection is open. */
  async allClosed(): Promise<void> {
    while (this.#open.size > 0) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    this.#server.close();
    await this.allClosed();
  }
}

export const web = (answer: RequestListener) => Web.listen(http.createServer(answer));

export const tlsWeb = (answer: RequestListener) =>
  Web.listen(https.createServer({ key: KEY, cert: CERTIFICATE }, answer));

/** Says what it is told over a bare socket, whatever it is asked. */
export const rawWeb = (onConnection: (socket: Socket) => void) => Web.listen(net.createServer(onConnection));

export const unresolvable: Resolve = async (name) => {
  throw new Error(`nobody should have looked up '${name}'`);
};

/** A fetch whose clock stands still, so that no limit of time is met by chance. */
export function fetcher({ resolve = unresolvable }: { resolve?: Resolve } = {}): {
  fetch: GuardedFetch;
  clock: SteppedClock;
} {
  const clock = new SteppedClock();
  return { fetch: createFetch({ clock, resolve }), clock };
}

export const fetched = (url: string, options: FetchOptions, resolve?: Resolve): Promise<Fetched> =>
  fetcher(resolve ? { resolve } : {}).fetch(url, options);

/** The error of a fetch that must fail. */
export async function failureOf(fetching: Promise<Fetched>): Promise<FetchError> {
  const error = await fetching.then(
    ({ status }) => new Error(`it brought status ${status}`),
    (error: unknown) => error,
  );
  if (error instanceof FetchError) return error;
  throw error;
}

export async function reasonOf(fetching: Promise<Fetched>): Promise<FetchReason> {
  return (await failureOf(fetching)).reason;
}

/** Lets input and output happen until it is so. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}
