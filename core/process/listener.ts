import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Config } from '../config/config.ts';
import { gatewayError, type GatewayError } from '../errors.ts';
import { pathOf, requestIdOf } from '../server/arrival.ts';
import { wireOf } from '../server/paths.ts';
import { errorHeaders } from '../server/thrown-error.ts';
import type { Wire } from '../wire/wire.ts';

/** Longer than clients keep idle connections: else a request could meet a connection that is being closed. */
const KEEP_ALIVE_MS = 75_000;

/**
 * The HTTP server that listens. It answers broken requests itself, with errors in the API's shape.
 * @param route  Handles every other request.
 */
export function createListener(
  config: Config,
  route: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const server = createServer(
    {
      requestTimeout: config.server.requestTimeoutMs,
      headersTimeout: Math.min(config.server.requestTimeoutMs, 60_000),
      keepAliveTimeout: KEEP_ALIVE_MS,
      // Node checks the time-outs above only at this interval. With its default of 30 s, a time-out of 2 s would take
      // 30 s.
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: 64 * 1024,
      // Only a websocket is refused. Any other upgrade may be ignored: Java's client offers h2c with every request.
      shouldUpgradeCallback: (request) => request.headers.upgrade?.toLowerCase() === 'websocket',
      // Checked below: Node's own refusal has no body.
      requireHostHeader: false,
    },
    (request, response) => {
      if (request.headers.host !== undefined || request.httpVersion === '1.0') route(request, response);
      else refuse(request, response, gatewayError('bad_http'));
    },
  );
  server.on('upgrade', refuseUpgrade);
  server.on('checkExpectation', (request, response) => refuse(request, response, gatewayError('expectation_failed')));
  server.on('clientError', refuseBroken);
  return server;
}

/** Answers with an error and closes the connection, for requests that Node would refuse with an empty body. */
function refuse(request: IncomingMessage, response: ServerResponse, error: GatewayError): void {
  const id = requestIdOf(request);
  const headers = [...errorHeaders(error), 'x-request-id', id, 'connection', 'close'];
  response.writeHead(error.status, headers).end(wireFor(request).errorBody(error, id));
}

/** Answers 426 at once, before authentication: coding agents then continue over HTTP without delay. */
function refuseUpgrade(request: IncomingMessage, socket: Duplex): void {
  answerRaw(socket, gatewayError('upgrade_not_supported'), request, ['upgrade', 'HTTP/1.1']);
}

/** Answers what Node's parser refuses, so that no request event is emitted for it. */
function refuseBroken(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const { isAnswered, request } = requestOn(socket);
  // The client would read a second answer as the answer to its next request.
  if (isAnswered) socket.destroy();
  else answerRaw(socket, refusalOf(error.code), request, []);
}

function refusalOf(code: string | undefined): GatewayError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return gatewayError('request_timeout');
  if (code === 'HPE_HEADER_OVERFLOW') return gatewayError('header_too_large');
  return gatewayError('bad_http');
}

/**
 * The request whose body is still arriving on this connection, if there is one, and whether it was answered already.
 */
function requestOn(socket: Duplex): { readonly isAnswered: boolean; readonly request: IncomingMessage | undefined } {
  const { _httpMessage: response, parser } = socket as Socket & {
    _httpMessage?: ServerResponse | null;
    parser?: { readonly incoming?: IncomingMessage | null } | null;
  };
  if (response) return { isAnswered: response.headersSent, request: response.req };
  return { isAnswered: parser?.incoming?.complete === false, request: undefined };
}

/** Answers on a socket for which there is no response object, and closes it. */
function answerRaw(
  socket: Duplex,
  error: GatewayError,
  request: IncomingMessage | undefined,
  extra: readonly string[],
): void {
  const id = requestIdOf(request);
  const body = wireFor(request).errorBody(error, id);
  const length = String(Buffer.byteLength(body));
  const headers = [
    ...errorHeaders(error),
    'content-length',
    length,
    'x-request-id',
    id,
    'connection',
    'close',
    ...extra,
  ];
  const lines = [`HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ''}`];
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`);
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

function wireFor(request: IncomingMessage | undefined): Wire {
  return wireOf(pathOf(request?.url ?? ''));
}
