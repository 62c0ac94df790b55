/** Which proxy the requests to an upstream take: its own, else the one that the environment names for its address. */
import { BlockList, isIP } from 'node:net';
import type { Proxies } from '../config/environment.ts';
import { isLoopback } from './apply-plugins.ts';

/** What decides about an upstream's proxy. */
export interface ProxyChoice {
  readonly baseUrl: string;
  /** `proxy` of the upstream in the file: an address, or `none`. */
  readonly own: string | undefined;
  readonly proxies: Proxies;
}

/**
 * The address of the proxy to an upstream; undefined = none. Loopback addresses never have one. Throws an `Error` that
 * names the variable if the environment's is no address of an HTTP proxy; it never shows the value, which may hold a
 * password.
 */
export function proxyFor({ baseUrl, own, proxies }: ProxyChoice): string | undefined {
  if (own === 'none' || (own === undefined && proxies.http === undefined && proxies.https === undefined))
    return undefined;
  const { protocol, hostname, port } = new URL(baseUrl);
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  if (isLoopbackName(host)) return undefined;
  if (own !== undefined) return addressOf(own, 'proxy');
  const named = protocol === 'https:' ? proxies.https : proxies.http;
  const usualPort = protocol === 'https:' ? '443' : '80';
  if (named === undefined || isExcepted(host, port || usualPort, proxies.none)) return undefined;
  return addressOf(named, protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY');
}

function isLoopbackName(host: string): boolean {
  // `::ffff:7f00:1` is how a URL writes ::ffff:127.0.0.1.
  return isLoopback(host) || host.endsWith('.localhost') || /^::ffff:7f[0-9a-f]{2}:/.test(host);
}

/** @param name  Where the value comes from. */
function addressOf(value: string, name: string): string {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.hostname !== '') return url.href;
  throw new Error(`${name}: expected the address of an HTTP proxy such as http://proxy.example:3128`);
}

/**
 * Is the host among those of `NO_PROXY`? They are separated by commas or blanks. Each is `*`, a name (which stands for
 * all below it, too; with or without a dot or `*.` before it), an address or a range of addresses; with a port it holds
 * for that port only.
 */
function isExcepted(host: string, port: string, exceptions: string): boolean {
  return exceptions
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => {
      if (entry === '' || entry === '*') return entry === '*';
      if (entry.includes('/')) return isInRange(host, entry);
      const [, name = '', itsPort] = /^(.*?)(?::(\d+))?$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry) ?? [];
      if (itsPort !== undefined && itsPort !== port) return false;
      const plain = name.replace(/^\[|\]$/g, '').replace(/^\*?\./, '');
      return plain !== '' && (host === plain || (isIP(host) === 0 && host.endsWith(`.${plain}`)));
    });
}

function isInRange(host: string, range: string): boolean {
  const [network = '', prefix] = range.split('/');
  const family = isIP(network) === 6 ? 'ipv6' : 'ipv4';
  if (isIP(host) !== isIP(network) || isIP(host) === 0) return false;
  try {
    const list = new BlockList();
    list.addSubnet(network, Number(prefix), family);
    return list.check(host, family);
  } catch {
    // No length of a prefix.
    return false;
  }
}
