import type { ServerResponse } from 'node:http';
import { gatewayError, type GatewayError } from '../errors.ts';
import type { Arrival, Exchange, Incoming, OpenRequest, Operation, Upload } from '../exchange.ts';
import { ResponseHeaders } from '../header-list.ts';
import { Ledger } from '../ledger.ts';
import type { Payload } from '../payload.ts';
import type { Progress } from '../progress.ts';
import { NO_TRACE } from '../trace.ts';
import { Identity, type IdentityGrant } from '../upstream/credentials.ts';
import { withoutCredentials } from './arrival.ts';

export interface ExchangeInit {
  readonly arrival: Arrival;
  readonly grant: IdentityGrant;
  readonly operation: Operation;
  readonly request: Payload<OpenRequest>;
  readonly upload?: Upload;
  readonly signal: AbortSignal;
  readonly progress: Progress;
  readonly startedAt: number;
}

/** The exchange of a request whose caller is known and whose body was read. */
export function openExchange(init: ExchangeInit): Exchange {
  const { arrival } = init;
  const client: Incoming = withoutCredentials(arrival.client);
  const exchange = {
    id: arrival.id,
    operation: init.operation,
    client,
    request: init.request,
    headers: new ResponseHeaders(),
    identity: new Identity(init.grant),
    signal: init.signal,
    ledger: new Ledger(),
    progress: init.progress,
    trace: NO_TRACE,
    log: arrival.log,
    plan: undefined,
    ordinals: new Map<string, number>(),
    startedAt: init.startedAt,
    ...(init.upload ? { upload: init.upload } : {}),
  };
  // The one seam where a body's type is decided by its operation.
  return exchange as unknown as Exchange;
}

/**
 * Aborts when the client is gone: its connection closed before the answer was written whole. Call it before anything is
 * dispatched (fastify's own signal never aborts once a reply is hijacked).
 */
export function abortWhenGone(response: ServerResponse): AbortController {
  const abort = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) abort.abort(CLIENT_CLOSED);
  });
  return abort;
}

export const CLIENT_CLOSED: GatewayError = gatewayError('client_closed');
