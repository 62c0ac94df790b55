import { gatewayError, GatewayError } from '../errors.ts';
import type { Upstream } from '../exchange/upstream.ts';
import type { Failure } from '../wire/failure.ts';

/**
 * How far an attempt had come when it failed: waiting for headers, or reading the body. The same error may mean another
 * thing.
 */
export type Phase = 'waiting' | 'reading';

/** A stream failed after the upstream's own error event. The reader already has that event, so none is to be added. */
export class PassedErrorEvent extends GatewayError {
  constructor({ message, type, code, status }: Failure, cause: unknown) {
    const text = code === undefined ? 'upstream_error' : String(code);
    super({ status, code: text, message, cause, ...(type === undefined ? {} : { type }) });
  }
}

/**
 * An error that undici reported, as an error for the client. The message gives only the upstream's name: no address,
 * and no text of the operating system. The original is the `cause`, for the log.
 */
export function toFailure(error: unknown, upstream: Upstream, phase: Phase): GatewayError {
  if (error instanceof GatewayError) return error;
  const { name, settings } = upstream;
  const code = codeOf(error);
  const cause = { cause: error };
  switch (code) {
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'ETIMEDOUT':
      if (phase === 'reading') break;
      return gatewayError(
        'upstream_timeout',
        { upstream: name, ms: settings.connectTimeoutMs, what: 'accept a connection' },
        cause,
      );
    case 'UND_ERR_ABORTED':
    case 'UND_ERR_PRX_CONN':
    case 'UND_ERR_PRX_TLS':
      if (settings.proxy === undefined || phase === 'reading') break;
      return gatewayError('upstream_unreachable', { upstream: name, detail: proxyReason(error) }, cause);
    case 'UND_ERR_HEADERS_TIMEOUT':
      return gatewayError('upstream_timeout', { upstream: name, ms: settings.timeoutMs }, cause);
    case 'UND_ERR_BODY_TIMEOUT':
      return gatewayError(
        'upstream_timeout',
        { upstream: name, ms: settings.idleTimeoutMs, what: 'send any more of its answer' },
        cause,
      );
    case 'UND_ERR_HEADERS_OVERFLOW':
      return gatewayError('upstream_error', { upstream: name, detail: 'sent headers that are too large' }, cause);
    case 'UND_ERR_INVALID_ARG':
      if (settings.proxy !== undefined && proxyStatus(error) !== undefined)
        return gatewayError('upstream_unreachable', { upstream: name, detail: proxyReason(error) }, cause);
      return gatewayError('upstream_error', { upstream: name, detail: 'cannot be sent such a request' }, cause);
    case 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH':
      return gatewayError('upstream_error', { upstream: name, detail: 'cannot be sent such a request' }, cause);
    default:
  }
  if (error instanceof Error && error.name === 'HTTPParserError')
    return gatewayError('upstream_error', { upstream: name, detail: 'does not speak HTTP' }, cause);
  if (phase === 'reading')
    return gatewayError(
      'upstream_stream_interrupted',
      { upstream: name, detail: 'the connection was closed before its end' },
      cause,
    );
  const reason = REASONS[code] ?? fallbackReason(code);
  // Only the proxy is connected to from here.
  const detail =
    settings.proxy === undefined || reason.startsWith('its ') ? reason : `on the way to its proxy, ${reason}`;
  return gatewayError('upstream_unreachable', { upstream: name, detail }, cause);
}

/** Why a proxy did not let a request through. */
function proxyReason(error: unknown): string {
  const status = proxyStatus(error);
  if (status === undefined) return 'its proxy closed the connection';
  return status === '407'
    ? 'its proxy wants a user and a password (407)'
    : `its proxy refused the connection (${status})`;
}

/** The status in undici's words for a refusal: `Proxy response (403) !== 200 …`, `Proxy Authentication Required (407)`. */
function proxyStatus(error: unknown): string | undefined {
  return error instanceof Error ? /^Proxy [\w ]*\((\d{3})\)/.exec(error.message)?.[1] : undefined;
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ENOTFOUND: 'its host name is unknown',
  EAI_AGAIN: 'its host name could not be resolved',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to it',
  ECONNRESET: 'the connection was closed before an answer came',
  EPIPE: 'the connection was closed before an answer came',
  UND_ERR_SOCKET: 'the connection was closed before an answer came',
};

function fallbackReason(code: string): string {
  if (/CERT|TLS|SSL|SIGNATURE/.test(code)) return `its TLS certificate was not accepted (${code})`;
  return 'the connection failed';
}

/** The error's code, or that of the first of several, as for a host with several addresses. Empty if there is none. */
function codeOf(error: unknown): string {
  if (error instanceof AggregateError && !('code' in error && typeof error.code === 'string'))
    return codeOf(error.errors[0]);
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
