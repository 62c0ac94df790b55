import { gatewayError, type GatewayError } from '../errors.ts';
import type { Arrival, Exchange, Incoming, OpenRequest, Operation, Upload } from '../exchange/exchange.ts';
import { ResponseHeaders } from '../bytes/header-list.ts';
import { Ledger } from '../exchange/ledger.ts';
import type { Payload } from '../bytes/payload.ts';
import type { Wire } from '../wire/wire.ts';
import type { Progress } from '../exchange/progress.ts';
import { Ordinals } from '../exchange/ordinal.ts';
import { NO_TRACE } from '../exchange/trace.ts';
import { withoutCredentials } from './arrival.ts';
import { Identity, type IdentityGrant } from '../exchange/identity.ts';

export interface ExchangeInit {
  readonly arrival: Arrival;
  readonly grant: IdentityGrant;
  readonly operation: Operation;
  readonly wire: Wire;
  readonly request: Payload<OpenRequest>;
  readonly upload?: Upload;
  readonly abort: AbortController;
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
    wire: init.wire,
    client,
    request: init.request,
    headers: new ResponseHeaders(),
    identity: new Identity(init.grant),
    signal: init.abort.signal,
    abort: (reason: GatewayError) => init.abort.abort(reason),
    ledger: new Ledger(),
    progress: init.progress,
    trace: NO_TRACE,
    log: arrival.log,
    plan: undefined,
    home: undefined,
    ordinals: new Ordinals(),
    startedAt: init.startedAt,
    ...(init.upload ? { upload: init.upload } : {}),
  };
  // The one seam where a body's type is decided by its operation.
  return exchange as unknown as Exchange;
}

/** Why an exchange ends whose connection closed before the answer was written whole. */
export const CLIENT_CLOSED: GatewayError = gatewayError('client_closed');
