/** What a client is told of a connection that failed: status, code and reason, but no address and no text of the system. */
import { describe, expect, test } from 'vitest';
import { gatewayError } from '../../../core/errors.ts';
import { toFailure } from '../../../core/transport/connection-failure.ts';
import { upstreamAt } from '../../support/upstream-call.ts';

const upstream = upstreamAt('http://10.0.0.1:1/v1', { connectTimeoutMs: 5, timeoutMs: 60, idleTimeoutMs: 700 });
const failure = (code: string, name = 'Error') =>
  Object.assign(new Error(`connect ${code} 10.0.0.1:1`), { code, name });

describe('before an answer came', () => {
  test.each([
    ['UND_ERR_CONNECT_TIMEOUT', 504, 'upstream_timeout', 'accept a connection within 5 ms'],
    ['ETIMEDOUT', 504, 'upstream_timeout', 'accept a connection within 5 ms'],
    ['UND_ERR_HEADERS_TIMEOUT', 504, 'upstream_timeout', 'within 60 ms'],
    ['UND_ERR_BODY_TIMEOUT', 504, 'upstream_timeout', 'send any more of its answer within 700 ms'],
    ['UND_ERR_HEADERS_OVERFLOW', 502, 'upstream_error', 'headers that are too large'],
    ['UND_ERR_INVALID_ARG', 502, 'upstream_error', 'cannot be sent such a request'],
    ['UND_ERR_REQ_CONTENT_LENGTH_MISMATCH', 502, 'upstream_error', 'cannot be sent such a request'],
    ['ECONNREFUSED', 502, 'upstream_unreachable', 'the connection was refused'],
    ['ENOTFOUND', 502, 'upstream_unreachable', 'its host name is unknown'],
    ['EAI_AGAIN', 502, 'upstream_unreachable', 'could not be resolved'],
    ['EHOSTUNREACH', 502, 'upstream_unreachable', 'there is no route to it'],
    ['ECONNRESET', 502, 'upstream_unreachable', 'closed before an answer came'],
    ['UND_ERR_SOCKET', 502, 'upstream_unreachable', 'closed before an answer came'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 502, 'upstream_unreachable', 'TLS certificate was not accepted (DEPTH_'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 502, 'upstream_unreachable', 'TLS certificate was not accepted (UNABLE_'],
    ['EWHATEVER', 502, 'upstream_unreachable', 'the connection failed'],
  ])('%s is a %i', (code, status, errorCode, reason) => {
    const error = failure(code);
    const told = toFailure(error, upstream, 'waiting');
    expect(told).toMatchObject({ status, code: errorCode, cause: error });
    expect(told.message).toContain("'main'");
    expect(told.message).toContain(reason);
    expect(told.message).not.toContain('10.0.0.1');
  });
});

test.each(['ECONNRESET', 'UND_ERR_SOCKET', 'ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT', 'EPIPE'])(
  'in the middle of a body %s is a stream that was interrupted',
  (code) => {
    expect(toFailure(failure(code), upstream, 'reading')).toMatchObject({ code: 'upstream_stream_interrupted' });
  },
);

test('what does not speak HTTP is said to', () => {
  for (const phase of ['waiting', 'reading'] as const) {
    const told = toFailure(failure('HPE_INVALID_CONSTANT', 'HTTPParserError'), upstream, phase);
    expect(told).toMatchObject({ code: 'upstream_error', message: expect.stringContaining('does not speak HTTP') });
  }
});

test('of a host with several addresses the first one’s reason counts', () => {
  const several = new AggregateError([failure('ECONNREFUSED'), failure('ENETUNREACH')]);
  expect(toFailure(several, upstream, 'waiting').message).toContain('the connection was refused');
});

test('what is told already stays as it is', () => {
  const known = gatewayError('client_closed');
  expect(toFailure(known, upstream, 'reading')).toBe(known);
});

test('what is no error at all is a connection that failed', () => {
  expect(toFailure('gone', upstream, 'waiting')).toMatchObject({
    code: 'upstream_unreachable',
    message: expect.stringContaining('the connection failed'),
  });
});
