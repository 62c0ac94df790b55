import { expect, test } from 'vitest';
import type { IdentityGrant } from '../../../core/exchange/identity.ts';
import { createHeaderForwarding, mayGoUpstream, toClientHeaders } from '../../../core/transport/header-forwarding.ts';
import { callTo, upstreamAt } from '../../support/upstream-call.ts';

const forwarded = (headers: Record<string, string | string[]>, forwardHeaders: string[] = []) => {
  const call = callTo(upstreamAt('http://127.0.0.1:1', { forwardHeaders }), { headers });
  const list = createHeaderForwarding().headersFor(call.exchange, call.upstream);
  return Object.fromEntries(list.flatMap((name, i) => (i % 2 === 0 ? [[name, list[i + 1]]] : [])));
};

test('what coding agents and official clients send goes on unchanged', () => {
  const headers = {
    'user-agent': 'claude-cli/2.0',
    'x-stainless-retry-count': '1',
    'anthropic-beta': 'a,b',
    traceparent: '00-1-2-03',
    session_id: 's',
    'x-codex-turn': 't',
  };
  expect(forwarded(headers)).toEqual({ 'accept-encoding': 'identity', ...headers });
});

test('what belongs to an account goes with a key of the caller’s own, and not as it is with the server’s', () => {
  const headers = { 'idempotency-key': 'k', 'openai-organization': 'org', 'openai-project': 'proj' };
  const sent = (identity: IdentityGrant) => {
    const call = callTo(upstreamAt('http://127.0.0.1:1'), { headers, identity });
    const list = createHeaderForwarding().headersFor(call.exchange, call.upstream);
    return Object.fromEntries(list.flatMap((name, i) => (i % 2 === 0 ? [[name, list[i + 1]]] : [])));
  };
  expect(sent({ id: 'own', upstreamKey: 'sk-own' })).toMatchObject(headers);
  const [alice, again, bob] = [sent({ id: 'alice' }), sent({ id: 'alice' }), sent({ id: 'bob' })];
  expect(alice).not.toHaveProperty('openai-organization');
  expect(alice).not.toHaveProperty('openai-project');
  expect(alice['idempotency-key']).not.toBe('k');
  expect(again['idempotency-key']).toBe(alice['idempotency-key']);
  expect(bob['idempotency-key']).not.toBe(alice['idempotency-key']);
});

test('anything else stays here, unless the upstream asks for it by pattern', () => {
  const headers = { 'x-real-ip': '1.2.3.4', 'x-team-name': 'blue' };
  expect(forwarded(headers)).toEqual({ 'accept-encoding': 'identity', 'user-agent': 'optigate' });
  expect(forwarded(headers, ['X-Team-*'])).toMatchObject({ 'x-team-name': 'blue' });
  expect(forwarded(headers, ['x-team-*'])).not.toHaveProperty('x-real-ip');
  expect(forwarded(headers, ['*'])).toMatchObject(headers);
});

test('credentials, hop-by-hop headers and our own never go upstream, whatever the pattern', () => {
  const names = [
    'authorization',
    'x-api-key',
    'api-key',
    'x-goog-api-key',
    'x-upstream-key',
    'x-optigate-approach',
    'cookie',
    'host',
    'forwarded',
    'x-forwarded-for',
    'proxy-authorization',
    'connection',
    'keep-alive',
    'te',
    'trailer',
    'transfer-encoding',
    'upgrade',
    'content-length',
    'accept-encoding',
  ];
  expect(names.filter((name) => mayGoUpstream(name, ['*']))).toEqual([]);
});

test('a header that connection names stays on its hop', () => {
  expect(forwarded({ connection: 'close, X-Client-Hop', 'x-client-hop': '1', 'x-client-id': '2' })).toMatchObject({
    'x-client-id': '2',
  });
  expect(forwarded({ connection: 'x-client-hop', 'x-client-hop': '1' })).not.toHaveProperty('x-client-hop');
});

test('a header that came twice goes on twice', () => {
  const call = callTo(upstreamAt('http://127.0.0.1:1'), { headers: { 'anthropic-beta': ['a', 'b'] } });
  const list = createHeaderForwarding().headersFor(call.exchange, call.upstream);
  expect(list.filter((text) => text === 'anthropic-beta')).toHaveLength(2);
});

test('towards the client all passes but what never does, and the request id gets its other name', () => {
  const received = {
    'content-type': 'application/json',
    'content-length': '12',
    'openai-processing-ms': '5',
    'x-ratelimit-remaining-requests': '9',
    'x-request-id': 'up-1',
    'x-unheard-of': 'a',
    'set-cookie': ['a=1', 'b=2'],
    server: 'x',
    'alt-svc': 'x',
    'strict-transport-security': 'x',
    'content-encoding': 'gzip',
    connection: 'keep-alive, x-hop',
    'x-hop': '1',
    'transfer-encoding': 'chunked',
    'x-optigate-cache': 'hit',
    'access-control-allow-origin': '*',
  };
  expect(toClientHeaders(received, { requestIdHeader: 'x-request-id', keepsLength: false })).toEqual([
    'content-type',
    'application/json',
    'openai-processing-ms',
    '5',
    'x-ratelimit-remaining-requests',
    '9',
    'x-optigate-upstream-request-id',
    'up-1',
    'x-unheard-of',
    'a',
  ]);
  expect(toClientHeaders({ 'request-id': 'r' }, { requestIdHeader: 'request-id', keepsLength: false })).toEqual([
    'x-optigate-upstream-request-id',
    'r',
  ]);
  expect(toClientHeaders({ 'content-length': '5' }, { requestIdHeader: 'x-request-id', keepsLength: true })).toEqual([
    'content-length',
    '5',
  ]);
});
