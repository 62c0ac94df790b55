/**
 * Decides which IP addresses may be connected to: those of the public internet, and those that an operator adds.
 *
 * The lists follow IANA's special-purpose address registries. The IPv4 list names what is refused. For IPv6 it is the
 * other way round: only the block in which public addresses are assigned is allowed, minus its special parts. So every
 * other form that leads to an IPv4 address (mapped, compatible, NAT64) is refused without being listed.
 */
import { BlockList, isIP } from 'node:net';
import { readAddressRange, type AddressRange } from './address-range.ts';

/** The rules of one fetch. */
export interface AddressRules {
  /** False for anything that is not an IP address in its usual form. */
  allows(address: string, port: number): boolean;
}

/** Creates the rules from what an operator allows and denies. */
export function createAddressRules(settings: {
  /** Allowed although they are not public. */
  readonly allowPrivate: readonly AddressRange[];
  /** Refused although they are public, or in `allowPrivate`. */
  readonly denied: readonly AddressRange[];
}): AddressRules {
  const denied = settings.denied.map(matcherOf);
  const allowed = settings.allowPrivate.map(matcherOf);
  return {
    allows(address, port) {
      const version = isIP(address);
      if (version === 0 || address.includes('%')) return false;
      if (denied.some((matches) => matches(address, port))) return false;
      return isPublic(address, version) || allowed.some((matches) => matches(address, port));
    },
  };
}

/** An IPv4 range also matches the IPv6 form of its addresses, `::ffff:127.0.0.1`. */
function matcherOf(range: AddressRange): (address: string, port: number) => boolean {
  const list = listOf([range]);
  return (address, port) =>
    (range.port === undefined || range.port === port) && list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
}

function isPublic(address: string, version: number): boolean {
  if (version === 4) return !SPECIAL_IPV4.check(address, 'ipv4');
  return ASSIGNED_IPV6.check(address, 'ipv6') && !SPECIAL_IPV6.check(address, 'ipv6');
}

const SPECIAL_IPV4 = listOf([
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // carrier-grade NAT, and metadata of Alibaba Cloud (100.100.100.200)
  '127.0.0.0/8', // loopback
  '168.63.129.16', // platform services of Azure
  '169.254.0.0/16', // link-local, and metadata of most clouds (169.254.169.254)
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments
  '192.0.2.0/24', // documentation
  '192.31.196.0/24', // AS112
  '192.52.193.0/24', // multicast tunnels
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '192.175.48.0/24', // AS112
  '198.18.0.0/15', // benchmarking
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and broadcast
]);

/**
 * Outside of it lie loopback, unique-local, link-local, site-local, multicast, mapped, compatible and NAT64 addresses.
 */
const ASSIGNED_IPV6 = listOf(['2000::/3']);

const SPECIAL_IPV6 = listOf([
  '2001::/23', // protocol assignments: Teredo, benchmarking, ORCHID and others
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4, which embeds an IPv4 address
  '2620:4f:8000::/48', // AS112
  '3fff::/20', // documentation
]);

function listOf(ranges: readonly (string | AddressRange)[]): BlockList {
  const list = new BlockList();
  for (const given of ranges) {
    const range = typeof given === 'string' ? readAddressRange(given) : given;
    // Only a mistyped row of the lists above gets here.
    if (!range) throw new Error('no address range');
    list.addSubnet(range.address, range.prefix, range.family);
  }
  return list;
}
