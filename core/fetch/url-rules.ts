import { domainToASCII } from 'node:url';
import { FetchError } from './fetch-error.ts';

/** Which URLs are allowed, as far as their text tells before anything is looked up. */
export interface UrlRules {
  readonly ports: readonly number[];
  /** Undefined: every host that is not denied. */
  readonly allowHosts: readonly string[] | undefined;
  /** Only names; denied addresses are in the `AddressRules`. */
  readonly denyHosts: readonly string[];
  /** May names of the local network be looked up? Their addresses are checked in any case. */
  readonly allowLocalNames: boolean;
}

/** Names that never mean a public host. Refused before the lookup, so that nothing about them leaves the machine. */
const LOCAL_NAMES = ['localhost', 'localdomain', 'local', 'internal', 'home.arpa'].flatMap((name) => [
  name,
  `*.${name}`,
]);

/**
 * The URL in its one normal form: the host in lower case and ASCII, IPv4 addresses in dotted decimals whatever they
 * were written as (`2130706433`, `0x7f.1`, `0177.0.0.1`), no dot after the host, no fragment. Throws a `FetchError`.
 */
export function checkUrl(input: string | URL, rules: UrlRules): URL {
  const url = URL.parse(String(input));
  if (!url) throw new FetchError('bad_url', undefined);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new FetchError('scheme', undefined);
  url.hash = '';
  // A name with a dot at its end is the same name. Without its dots, `127.0.0.1..` becomes an address.
  url.hostname = url.hostname.replace(/(?<!\.)\.+$/, '');
  const host = hostOf(url);
  if (host.split('.').includes('')) throw new FetchError('bad_url', undefined);
  if (url.username !== '' || url.password !== '') throw new FetchError('credentials', host);
  if (!rules.ports.includes(portOf(url))) throw new FetchError('port', host);
  if (!isHostAllowed(host, rules)) throw new FetchError('host', host);
  return url;
}

/** The URL that a redirect leads to, checked like the caller's own. Throws a `FetchError`. */
export function checkRedirect(location: string, from: URL, rules: UrlRules): URL {
  const target = URL.parse(location, from.href);
  if (!target) throw new FetchError('bad_url', hostOf(from), { detail: 'it redirects to something that is no URL' });
  const url = checkUrl(target, rules);
  if (from.protocol === 'https:' && url.protocol === 'http:') throw new FetchError('insecure_redirect', hostOf(url));
  return url;
}

/** A URL's name or address; an IPv6 address without its brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

/** A URL's port; if it names none, that of its scheme. */
export function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}

function isHostAllowed(host: string, rules: UrlRules): boolean {
  const { allowHosts, denyHosts, allowLocalNames } = rules;
  if (matchesAny(host, denyHosts)) return false;
  if (allowHosts) return matchesAny(host, allowHosts);
  return allowLocalNames || !matchesAny(host, LOCAL_NAMES);
}

/** `example.com` is that host alone, `*.example.com` every host below it. */
function matchesAny(host: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => {
    const isBelow = pattern.startsWith('*.');
    const given = isBelow ? pattern.slice(2) : pattern;
    const name = domainToASCII(given) || given.toLowerCase();
    return isBelow ? host.endsWith(`.${name}`) : host === name;
  });
}
