/**
 * Keeps web pages of other sites out. A browser sends what a page asks for from the user's own machine, so a server that
 * knows callers only by where they are (loopback) would serve any page. Where callers have to authenticate, a page has no
 * key; there only the rules of `server.cors` hold.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import { gatewayError, type GatewayError } from '../errors.ts';
import { matches } from '../wildcard.ts';
import { pathOf } from './arrival.ts';

/** Which pages and names are let in. */
export interface WebRules {
  /** Is a caller served of whom nothing is known? */
  readonly admitsAnybody: boolean;
  /** The configured `server.host`. */
  readonly host: string;
  /** Patterns of further names that `Host` may have. */
  readonly allowedHosts: readonly string[];
  /** Patterns of origins whose pages may call. */
  readonly cors: readonly string[];
}

/** `passed`: goes on. `answered`: it was a preflight, and its answer is sent. Else the refusal. */
export type Verdict = 'passed' | 'answered' | GatewayError;

/** Never refused: they tell nothing, and load balancers ask under any name. */
const EXEMPT: ReadonlySet<string> = new Set(['/health', '/ready']);
/** Pages that a link on another site may lead to. */
const PAGES: ReadonlySet<string> = new Set(['/', '/optigate']);
/** Response headers that a page of an allowed origin may read. */
const EXPOSED = [
  'x-request-id, request-id, retry-after, retry-after-ms, x-should-retry',
  ...['approach', 'calls', 'cache', 'upstream', 'upstream-request-id', 'degraded', 'dropped', 'estimated', 'cost'].map(
    (name) => `x-optigate-${name}`,
  ),
  ...['limit', 'remaining', 'reset'].flatMap((what) => [`x-ratelimit-${what}-requests`, `x-ratelimit-${what}-tokens`]),
].join(', ');

/** Decides about one request before anything else looks at it. */
export function createWebGate(rules: WebRules): (request: IncomingMessage, response: ServerResponse) => Verdict {
  const { admitsAnybody, cors } = rules;
  const isAllowed = (origin: string) => cors.some((pattern) => matches(pattern.toLowerCase(), origin.toLowerCase()));
  // Nearly all requests name the same host.
  let lastHost: string | undefined;

  return (request, response) => {
    const { headers, method } = request;
    const { origin, host } = headers;
    const isPreflight =
      method === 'OPTIONS' && origin !== undefined && headers['access-control-request-method'] !== undefined;
    const isExempt = !isPreflight && (!admitsAnybody || EXEMPT.has(pathOf(request.url ?? '')));
    if (!isExempt && admitsAnybody && host !== lastHost && host !== undefined) {
      if (!isKnownHost(host, rules)) return gatewayError('host_not_allowed', { host });
      lastHost = host;
    }
    if (origin === undefined) {
      const isForeign = !isExempt && headers['sec-fetch-site'] === 'cross-site' && !isNavigation(request);
      return isForeign ? gatewayError('origin_not_allowed', { origin: 'another site' }) : 'passed';
    }
    if (isAllowed(origin)) {
      response.setHeader('access-control-allow-origin', origin);
      response.setHeader('vary', 'origin');
      if (isPreflight) return answerPreflight(request, response);
      response.setHeader('access-control-expose-headers', EXPOSED);
      return 'passed';
    }
    const isRefused = isPreflight || (!isExempt && !isOwnOrigin(origin, request));
    return isRefused ? gatewayError('origin_not_allowed', { origin }) : 'passed';
  };
}

function answerPreflight({ headers }: IncomingMessage, response: ServerResponse): Verdict {
  response.setHeader('access-control-allow-methods', headers['access-control-request-method'] ?? '');
  const asked = headers['access-control-request-headers'];
  if (asked !== undefined) response.setHeader('access-control-allow-headers', asked);
  if (headers['access-control-request-private-network'] === 'true')
    response.setHeader('access-control-allow-private-network', 'true');
  response.setHeader('access-control-max-age', '600');
  response.writeHead(204).end();
  return 'answered';
}

/** Loopback names, the server's own, listed ones, and addresses: no name server can lead an address elsewhere. */
function isKnownHost(host: string, { host: own, allowedHosts }: WebRules): boolean {
  const name = nameOf(host);
  if (isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost') || name === own.toLowerCase())
    return true;
  return allowedHosts.some((pattern) => matches(pattern.toLowerCase(), name));
}

/** The name in a `Host` header, without its port and the brackets of an IPv6 address. */
function nameOf(host: string): string {
  const text = host.trim().toLowerCase();
  const bracketed = /^\[([^\]]*)\](?::\d*)?$/.exec(text)?.[1];
  if (bracketed !== undefined) return bracketed;
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  return name.endsWith('.') ? name.slice(0, -1) : name;
}

/** Is the page from this server itself, by its scheme, name and port? */
function isOwnOrigin(origin: string, { headers: { host }, socket }: IncomingMessage): boolean {
  const scheme = 'encrypted' in socket && socket.encrypted === true ? 'https' : 'http';
  return host !== undefined && origin.toLowerCase() === `${scheme}://${host.toLowerCase()}`;
}

/** Did the user follow a link to a page of ours? */
function isNavigation({ method, url = '', headers }: IncomingMessage): boolean {
  return method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && PAGES.has(pathOf(url));
}
