import { ResponseHeaders } from '../bytes/header-list.ts';
import type { Payload } from '../bytes/payload.ts';
import { gatewayError, type GatewayError } from '../errors.ts';
import type { Arrival, Exchange, Incoming, OpenRequest, Operation, Upload } from '../exchange/exchange.ts';
import { Identity, type IdentityGrant } from '../exchange/identity.ts';
import { Ledger } from '../exchange/ledger.ts';
import { Ordinals } from '../exchange/ordinal.ts';
import type { Progress } from '../exchange/progress.ts';
import { NO_TRACE } from '../exchange/trace.ts';
import type { Wire } from '../wire/wire.ts';
import { withoutCredentials } from './arrival.ts';

/** What is known of a request when its exchange begins. */
export interface ExchangeInit {
  readonly arrival: Arrival;
  readonly grant: IdentityGrant;
  readonly operation: Operation;
  readonly wire: Wire;
  readonly request: Payload<OpenRequest>;
  /** The body if it is streamed through; `request` is then empty. */
  readonly upload?: Upload;
  /** Aborts the exchange's signal. */
  readonly abort: AbortController;
  readonly progress: Progress;
  /** Performance counter (ms) at arrival. */
  readonly startedAt: number;
}

/** Begins the exchange of a request whose caller was admitted and whose body was read. */
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
    get log() {
      return arrival.log;
    },
    plan: undefined,
    home: undefined,
    ordinals: new Ordinals(),
    startedAt: init.startedAt,
    ...(init.upload ? { upload: init.upload } : {}),
  };
  // `Exchange` is a union in which the operation decides the body's type. Nothing here can prove that they match.
  return exchange as unknown as Exchange;
}

/** The reason with which an exchange aborts if the client leaves before the whole answer is sent. */
export const CLIENT_CLOSED: GatewayError = gatewayError('client_closed');
