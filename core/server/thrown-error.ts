import { gatewayError, GatewayError } from '../errors.ts';
import type { HeaderList } from '../bytes/header-list.ts';

/** Statuses a repeat cannot change, so that clients with retries of their own are told not to. */
const FINAL_STATUSES = new Set([400, 401, 403, 404, 405, 413, 415]);

/** Whatever was thrown, as an error the client may see: never a stack, a path or an upstream's address. */
export function toGatewayError(error: unknown): GatewayError {
  return error instanceof GatewayError ? error : gatewayError('internal_error', {}, { cause: error });
}

export function errorHeaders(error: GatewayError): HeaderList {
  const headers = ['content-type', 'application/json'];
  let says = false;
  for (const [name, value] of Object.entries(error.headers)) {
    headers.push(name, value);
    if (name === 'x-should-retry' || name === 'retry-after') says = true;
  }
  if (!says && !error.retryable && FINAL_STATUSES.has(error.status)) headers.push('x-should-retry', 'false');
  return headers;
}
