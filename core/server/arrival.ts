import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Arrival, Incoming } from '../exchange/exchange.ts';
import { CREDENTIAL_HEADERS } from '../exchange/identity.ts';
import type { Logger } from 'pino';

const CREDENTIALS: ReadonlySet<string> = new Set(CREDENTIAL_HEADERS);
const SANE_ID = /^[A-Za-z0-9._:-]{1,128}$/;

/** The client's own id if it sent a sane one, else a new one. */
export function requestIdOf(request: IncomingMessage | undefined): string {
  const asked = request?.headers['x-request-id'];
  return typeof asked === 'string' && SANE_ID.test(asked) ? asked : randomUUID();
}

export function arrivalOf(request: IncomingMessage, log: Logger): Arrival {
  const client: Incoming = {
    method: request.method ?? 'GET',
    path: request.url ?? '/',
    headers: request.headers,
    address: request.socket.remoteAddress ?? '',
  };
  return { id: requestIdOf(request), client, log };
}

/** The client as every hook after `authenticate` sees it. */
export function withoutCredentials(client: Incoming): Incoming {
  const headers: Record<string, string | readonly string[] | undefined> = {};
  for (const name in client.headers) if (!CREDENTIALS.has(name)) headers[name] = client.headers[name];
  return { method: client.method, path: client.path, headers, address: client.address };
}

/** The path without its query: queries may carry keys (`?key=`), so they are not logged. */
export function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}
