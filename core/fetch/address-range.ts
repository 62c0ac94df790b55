import { isIP } from 'node:net';

/** A range of IP addresses such as `10.0.0.0/8`; with a port, only that port of them. */
export interface AddressRange {
  readonly address: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
  readonly port: number | undefined;
}

/**
 * Is it a range, such as `10.0.0.0/8`, `127.0.0.1`, `127.0.0.1/32:8080`, `fd00::/8` or `[::1]:8080`? For schemas of
 * options.
 */
export function isAddressRange(text: string): boolean {
  return readAddressRange(text) !== undefined;
}

/**
 * Parses a range; undefined if it is none. In an IPv6 address without brackets and prefix, the digits after the last
 * colon are part of the address, not a port.
 */
export function readAddressRange(text: string): AddressRange | undefined {
  if (isIP(text)) return rangeOf(text, undefined, undefined);
  const [, bracketed, plain = bracketed, prefix, port] =
    /^(?:\[([^\]]*)\]|([^[\]/]+?))(?:\/(\d{1,3}))?(?::(\d{1,5}))?$/.exec(text) ?? [];
  return plain === undefined ? undefined : rangeOf(plain, prefix, port);
}

function rangeOf(address: string, prefix: string | undefined, port: string | undefined): AddressRange | undefined {
  const version = isIP(address);
  // A zone (`fe80::1%eth0`) names an interface of this machine. Ranges have none.
  if (version === 0 || address.includes('%')) return undefined;
  const bits = version === 4 ? 32 : 128;
  const length = prefix === undefined ? bits : Number(prefix);
  const number = port === undefined ? undefined : Number(port);
  if (length > bits || number === 0 || (number ?? 1) > 65_535) return undefined;
  return { address, prefix: length, family: version === 4 ? 'ipv4' : 'ipv6', port: number };
}
