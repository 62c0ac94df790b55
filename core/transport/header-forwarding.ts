/**
 * Decides which headers are forwarded. From the client to an upstream: those listed here, and those that
 * `forward_headers` adds. From the upstream to the client: all but those listed here.
 */
import { hash } from 'node:crypto';
import type { HeaderList } from '../bytes/header-list.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { CREDENTIAL_HEADERS } from '../exchange/identity.ts';
import type { Upstream } from '../exchange/upstream.ts';
import { payerKindOf } from '../upstream/credentials.ts';
import { matches } from '../wildcard.ts';

/** Go upstream. A name that ends in a dash stands for all that begin with it. */
const PASSED = [
  'accept accept-language user-agent idempotency-key traceparent tracestate baggage',
  'session-id session_id thread-id conversation_id originator version x-app x-initiator http-referer x-title',
  'openai- anthropic- x-openai- x-anthropic- x-stainless- x-client- x-codex- x-claude- x-session- copilot- editor-',
].flatMap((line) => line.split(' '));

/**
 * Never go upstream, whatever `forward_headers` says: credentials, headers that name the client, headers of one
 * connection.
 */
const FORBIDDEN = [
  ...CREDENTIAL_HEADERS,
  ...[
    'x-optigate- proxy- host forwarded x-forwarded-',
    'connection keep-alive te trailer transfer-encoding upgrade http2-settings expect',
    'content-length content-encoding content-type accept-encoding',
  ].flatMap((line) => line.split(' ')),
];

/** Never go to the client. An upstream's `access-control-*` must not decide which websites may use this proxy. */
const KEPT_BACK = new Set(
  [
    'set-cookie server alt-svc strict-transport-security content-encoding content-length',
    'connection keep-alive te trailer transfer-encoding upgrade',
  ].flatMap((line) => line.split(' ')),
);
const KEPT_BACK_PREFIXES = /^(?:access-control-|proxy-|x-optigate-)/;

/** They say which part of an account pays, so they go with a key of the caller's own, and not with the server's. */
const ACCOUNT_HEADERS = new Set(['openai-organization', 'openai-project']);
/**
 * Keeps an upstream from doing the same twice. With the server's key all callers share one account, so that equal values
 * of two callers must not meet there.
 */
const IDEMPOTENCY_KEY = 'idempotency-key';

/** Clients can invent names of headers. Beyond so many, and longer ones, decisions are made each time. */
const REMEMBERED = { names: 1_000, length: 64 };

/** `whose` = it depends on whose key pays. */
type Decision = 'passes' | 'stays' | 'whose';

/** The headers of the client that providers send on. */
export interface HeaderForwarding {
  /**
   * The client's headers that go on to `upstream`, as a new list that may be extended. It always has `user-agent`, and
   * `accept-encoding: identity`, so that no answer needs decoding. It has neither `content-type` nor the credential.
   */
  headersFor(exchange: Exchange, upstream: Upstream): string[];
}

/** Creates a forwarding that decides once per header name and upstream. */
export function createHeaderForwarding(): HeaderForwarding {
  const decisions = new WeakMap<Upstream, Map<string, Decision>>();

  const decisionsOf = (upstream: Upstream) => {
    let known = decisions.get(upstream);
    if (!known) decisions.set(upstream, (known = new Map()));
    return known;
  };
  return {
    headersFor(exchange, upstream) {
      const { headers } = exchange.client;
      const known = decisionsOf(upstream);
      const list = ['accept-encoding', 'identity'];
      const named = namedByConnection(headers['connection']);
      for (const name in headers) {
        let decision = known.get(name);
        if (decision === undefined) {
          decision = decide(name, upstream.settings.forwardHeaders);
          if (known.size < REMEMBERED.names && name.length <= REMEMBERED.length) known.set(name, decision);
        }
        if (decision === 'stays' || named?.has(name)) continue;
        if (decision === 'whose' && payerKindOf(exchange, upstream) === 'server') {
          if (name === IDEMPOTENCY_KEY) list.push(name, ownIdempotencyKey(exchange, headers[name]));
          continue;
        }
        const value = headers[name];
        if (typeof value === 'string') list.push(name, value);
        else if (value) for (const each of value) list.push(name, each);
      }
      if (headers['user-agent'] === undefined) list.push('user-agent', 'optigate');
      return list;
    },
  };
}

/**
 * May a client's header go upstream?
 * @param patterns  The upstream's `forward_headers`; `*` allows all that is not forbidden.
 */
export function mayGoUpstream(name: string, patterns: readonly string[]): boolean {
  if (isListed(FORBIDDEN, name)) return false;
  return isListed(PASSED, name) || patterns.some((pattern) => matches(pattern.toLowerCase(), name));
}

function decide(name: string, patterns: readonly string[]): Decision {
  if (!mayGoUpstream(name, patterns)) return 'stays';
  return ACCOUNT_HEADERS.has(name) || name === IDEMPOTENCY_KEY ? 'whose' : 'passes';
}

/** The caller's idempotency key, made different from equal ones of other callers. Equal for each retry of a request. */
function ownIdempotencyKey({ identity }: Exchange, value: string | readonly string[] | undefined): string {
  return hash('sha256', JSON.stringify(['idempotency', identity.id, value]), 'base64url');
}

/**
 * The upstream's headers for the client.
 * @param received  Names in lower case; repeats are arrays.
 * @param options.requestIdHeader  The header with the upstream's request id. The client gets it under another name.
 * @param options.keepsLength  Is the body passed on unchanged, so that its `content-length` stays true?
 */
export function toClientHeaders(
  received: Readonly<Record<string, string | string[] | undefined>>,
  { requestIdHeader, keepsLength }: { readonly requestIdHeader: string; readonly keepsLength: boolean },
): HeaderList {
  const named = namedByConnection(received['connection']);
  const list: string[] = [];
  for (const name in received) {
    const value = received[name];
    if (value === undefined) continue;
    if (isKeptBack(name) && !(keepsLength && name === 'content-length')) continue;
    if (named?.has(name)) continue;
    const sentAs = name === requestIdHeader ? 'x-optigate-upstream-request-id' : name;
    if (typeof value === 'string') list.push(sentAs, value);
    else for (const each of value) list.push(sentAs, each);
  }
  return list;
}

function isKeptBack(name: string): boolean {
  return KEPT_BACK.has(name) || KEPT_BACK_PREFIXES.test(name);
}

function isListed(list: readonly string[], name: string): boolean {
  return list.some((entry) => (entry.endsWith('-') ? name.startsWith(entry) : name === entry));
}

/** The headers that `connection` names as headers of this connection only; undefined for its usual values. */
function namedByConnection(value: string | readonly string[] | undefined): Set<string> | undefined {
  if (value === undefined || value === 'keep-alive' || value === 'close') return undefined;
  const text = typeof value === 'string' ? value : value.join(',');
  return new Set(text.split(',').map((name) => name.trim().toLowerCase()));
}
