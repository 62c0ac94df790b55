import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import type { Arrival, Incoming } from '../exchange/exchange.ts';
import { CREDENTIAL_HEADERS } from '../exchange/identity.ts';
import { withoutKey } from '../transport/upstream-path.ts';

const CREDENTIALS: ReadonlySet<string> = new Set(CREDENTIAL_HEADERS);
const SANE_ID = /^[A-Za-z0-9._:-]{1,128}$/;

/** The client's `x-request-id` if it is short and of harmless characters, else a new id. */
export function requestIdOf(request: IncomingMessage | undefined): string {
  const asked = request?.headers['x-request-id'];
  return typeof asked === 'string' && SANE_ID.test(asked) ? asked : randomUUID();
}

/**
 * A request as `authenticate` sees it: headers with their credentials, no body. All lines of its log have its id.
 * @param id  From `requestIdOf`.
 */
export function arrivalOf(request: IncomingMessage, log: Logger, id: string): Arrival {
  const client: Incoming = {
    method: request.method ?? 'GET',
    path: request.url ?? '/',
    headers: request.headers,
    address: request.socket.remoteAddress ?? '',
  };
  return new Arrived(id, client, log);
}

/** A class, since an object of its own with a getter costs every request some microseconds. */
class Arrived implements Arrival {
  readonly id: string;
  readonly client: Incoming;
  readonly #server: Logger;
  #own: Logger | undefined;

  constructor(id: string, client: Incoming, log: Logger) {
    this.id = id;
    this.client = client;
    this.#server = log;
  }

  /** Made when somebody logs: most requests log nothing here. */
  get log(): Logger {
    return (this.#own ??= this.#server.child({ request_id: this.id }));
  }
}

/**
 * The client without the headers that carry keys, and without the key that Gemini's clients send as `?key=`: what every
 * hook after `authenticate` sees.
 */
export function withoutCredentials(client: Incoming): Incoming {
  const headers: Record<string, string | readonly string[] | undefined> = {};
  for (const name in client.headers) if (!CREDENTIALS.has(name)) headers[name] = client.headers[name];
  return { method: client.method, path: withoutKey(client.path), headers, address: client.address };
}

/** The path without its query. Queries are not logged, since they may carry keys (`?key=`). */
export function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}
