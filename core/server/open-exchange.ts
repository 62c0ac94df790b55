import { ResponseHeaders } from '../bytes/header-list.ts';
import type { Logger } from 'pino';
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
  // `Exchange` is a union in which the operation decides the body's type. Nothing here can prove that they match.
  return new Opened(init) as unknown as Exchange;
}

/** A class, since an object of its own with a getter costs every request some microseconds. */
class Opened {
  readonly #arrival: Arrival;
  readonly #abort: AbortController;
  readonly id: string;
  readonly operation: Operation;
  readonly wire: Wire;
  client: Incoming;
  request: Payload<OpenRequest>;
  readonly headers = new ResponseHeaders();
  readonly identity: Identity;
  readonly signal: AbortSignal;
  readonly ledger = new Ledger();
  readonly progress: Progress;
  trace = NO_TRACE;
  plan: undefined;
  home: undefined;
  readonly ordinals = new Ordinals();
  readonly startedAt: number;
  readonly upload: Upload | undefined;

  constructor({ arrival, grant, operation, wire, request, upload, abort, progress, startedAt }: ExchangeInit) {
    this.#arrival = arrival;
    this.#abort = abort;
    this.id = arrival.id;
    this.operation = operation;
    this.wire = wire;
    this.client = withoutCredentials(arrival.client);
    this.request = request;
    this.identity = new Identity(grant);
    this.signal = abort.signal;
    this.progress = progress;
    this.startedAt = startedAt;
    this.upload = upload;
  }

  get log(): Logger {
    return this.#arrival.log;
  }

  abort(reason: GatewayError): void {
    this.#abort.abort(reason);
  }
}

/** The reason with which an exchange aborts if the client leaves before the whole answer is sent. */
export const CLIENT_CLOSED: GatewayError = gatewayError('client_closed');
