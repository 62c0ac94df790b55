import type { HeaderList } from '../bytes/header-list.ts';
import { gatewayError, GatewayError } from '../errors.ts';

/** Statuses that a retry cannot change. Clients that retry by themselves are asked not to (`x-should-retry: false`). */
const FINAL_STATUSES = new Set([400, 401, 403, 404, 405, 413, 415]);

/**
 * Anything that was thrown, as an error for the client. An unknown error is a 500 without detail; its cause is logged.
 */
export function toGatewayError(error: unknown): GatewayError {
  return error instanceof GatewayError ? error : gatewayError('internal_error', {}, { cause: error });
}

/** An error's headers as a flat list (name, value, name, value), with the content type and advice on retries. */
export function errorHeaders(error: GatewayError): HeaderList {
  const headers = ['content-type', 'application/json'];
  let hasAdvice = false;
  for (const [name, value] of Object.entries(error.headers)) {
    headers.push(name, value);
    if (name === 'x-should-retry' || name === 'retry-after') hasAdvice = true;
  }
  if (!hasAdvice && !error.retryable && FINAL_STATUSES.has(error.status)) headers.push('x-should-retry', 'false');
  return headers;
}
