import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Config } from '../config/config.ts';
import { gatewayError, type GatewayError } from '../errors.ts';
import { errorBody } from './error-body.ts';
import { isAnthropicPath } from './paths.ts';
import { pathOf } from './arrival.ts';

/** Longer than client pools keep idle connections, or both sides race and the client sees a reset. */
const KEEP_ALIVE_MS = 75_000;

/** The one server that listens. What handles its requests is swapped on reload. */
export function createListener(
  config: Config,
  route: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const server = createServer(
    {
      requestTimeout: config.server.requestTimeoutMs,
      headersTimeout: Math.min(config.server.requestTimeoutMs, 60_000),
      keepAliveTimeout: KEEP_ALIVE_MS,
      // Node looks at the two time-outs above only so often; its default of 30 s makes a 2 s one 30 s.
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: 64 * 1024,
    },
    route,
  );
  server.on('upgrade', refuseUpgrade);
  server.on('clientError', refuseBroken);
  return server;
}

/** 426 at once, before authentication: coding agents then go on over HTTP without delay. */
function refuseUpgrade(request: IncomingMessage, socket: Duplex): void {
  const error = gatewayError('upgrade_not_supported');
  answerRaw(socket, error, errorBody(error, isAnthropicPath(pathOf(request.url ?? '')), ''), ['upgrade: HTTP/1.1']);
}

/** What Node's parser refuses never becomes a request; it is answered in our shape all the same. */
function refuseBroken(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  // After a first answer a second one would be read as the answer to the next request.
  if (hasAnswered(socket)) {
    socket.destroy();
    return;
  }
  const refusal = refusalOf(error.code);
  answerRaw(socket, refusal, errorBody(refusal, false, ''), []);
}

function refusalOf(code: string | undefined): GatewayError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return gatewayError('request_timeout');
  if (code === 'HPE_HEADER_OVERFLOW') return gatewayError('header_too_large');
  return gatewayError('bad_http');
}

/** Is a response under way, or done, on this connection's last request? */
function hasAnswered(socket: Duplex): boolean {
  const { _httpMessage: message } = socket as Socket & { _httpMessage?: ServerResponse | null };
  return message?.headersSent === true;
}

function answerRaw(socket: Duplex, error: GatewayError, body: string, extra: readonly string[]): void {
  const lines = [
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ''}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    ...extra,
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}
