import { expect, test } from 'vitest';
import { GatewayError } from '../../core/errors.ts';

test.each([
  [400, 'invalid_request_error'],
  [401, 'authentication_error'],
  [402, 'billing_error'],
  [403, 'permission_error'],
  [404, 'invalid_request_error'],
  [408, 'timeout_error'],
  [409, 'conflict_error'],
  [418, 'invalid_request_error'],
  [429, 'rate_limit_error'],
  [500, 'server_error'],
  [529, 'server_error'],
])('an error of status %i that names no type has OpenAI’s: %s', (status, type) => {
  expect(new GatewayError({ status, code: 'own', message: 'Mine.' }).type).toBe(type);
  expect(new GatewayError({ status, code: 'own', message: 'Mine.', type: 'other' }).type).toBe('other');
});
