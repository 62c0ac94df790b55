/**
 * Which headers travel: from the client to an upstream by an open list of prefixes, from the upstream to the client all
 * but a closed list.
 */
import type { Exchange } from '../exchange/exchange.ts';
import { CREDENTIAL_HEADERS } from '../exchange/identity.ts';
import type { HeaderList } from '../bytes/header-list.ts';
import type { Upstream } from '../exchange/upstream.ts';
import { matches } from '../wildcard.ts';

/** Goes upstream under any of these names; one that ends in a dash stands for all that begin so. */
const PASSED = [
  'accept accept-language user-agent idempotency-key traceparent tracestate baggage',
  'session-id session_id thread-id conversation_id originator version x-app x-initiator http-referer x-title',
  'openai- anthropic- x-openai- x-anthropic- x-stainless- x-client- x-codex- x-claude- x-session- copilot- editor-',
].flatMap((line) => line.split(' '));

/** Never goes upstream, whatever `forward_headers` says: credentials, what names the client, what belongs to one hop. */
const FORBIDDEN = [
  ...CREDENTIAL_HEADERS,
  ...[
    'x-optigate- proxy- host forwarded x-forwarded-',
    'connection keep-alive te trailer transfer-encoding upgrade http2-settings expect',
    'content-length content-encoding content-type accept-encoding',
  ].flatMap((line) => line.split(' ')),
];

/** Never goes to the client. What an upstream allows to browsers (`access-control-*`) is not ours to allow. */
const KEPT_BACK = new Set(
  [
    'set-cookie server alt-svc strict-transport-security content-encoding content-length',
    'connection keep-alive te trailer transfer-encoding upgrade',
  ].flatMap((line) => line.split(' ')),
);
const KEPT_BACK_PREFIXES = /^(?:access-control-|proxy-|x-optigate-)/;

/** Names of headers are the world's to choose: beyond so many, a decision is made again each time. */
const MAX_REMEMBERED = 1_000;

export interface HeaderForwarding {
  /**
   * The client's headers that go on to `upstream`, as a list to add to. `user-agent` is there in any case, and
   * `accept-encoding`, so that no answer needs decoding; `content-type` and the credential are not among them.
   */
  headersFor(exchange: Exchange, upstream: Upstream): string[];
}

/** Decides once per header name and upstream. */
export function createHeaderForwarding(): HeaderForwarding {
  const decisions = new WeakMap<Upstream, Map<string, boolean>>();

  const decisionsOf = (upstream: Upstream) => {
    let known = decisions.get(upstream);
    if (!known) decisions.set(upstream, (known = new Map()));
    return known;
  };
  return {
    headersFor({ client: { headers } }, upstream) {
      const known = decisionsOf(upstream);
      const list = ['accept-encoding', 'identity'];
      const named = namedByConnection(headers['connection']);
      for (const name in headers) {
        let passes = known.get(name);
        if (passes === undefined) {
          passes = mayGoUpstream(name, upstream.settings.forwardHeaders);
          if (known.size < MAX_REMEMBERED) known.set(name, passes);
        }
        if (!passes || named?.has(name)) continue;
        const value = headers[name];
        if (typeof value === 'string') list.push(name, value);
        else if (value) for (const each of value) list.push(name, each);
      }
      if (headers['user-agent'] === undefined) list.push('user-agent', 'optigate');
      return list;
    },
  };
}

/** @param patterns  `forward_headers` of the upstream; `*` passes all that is not forbidden. */
export function mayGoUpstream(name: string, patterns: readonly string[]): boolean {
  if (isListed(FORBIDDEN, name)) return false;
  return isListed(PASSED, name) || patterns.some((pattern) => matches(pattern.toLowerCase(), name));
}

/**
 * The upstream's headers for the client.
 * @param received  Names in lower case; repeats are arrays.
 * @param options.requestIdHeader  What the upstream's API calls its request id: the client finds it under a name of ours.
 * @param options.keepsLength  Does the body go on as it comes, so that its length stays true?
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

/** The headers that `connection` declares to be of this hop only; undefined for the usual values. */
function namedByConnection(value: string | readonly string[] | undefined): Set<string> | undefined {
  if (value === undefined || value === 'keep-alive' || value === 'close') return undefined;
  const text = typeof value === 'string' ? value : value.join(',');
  return new Set(text.split(',').map((name) => name.trim().toLowerCase()));
}
