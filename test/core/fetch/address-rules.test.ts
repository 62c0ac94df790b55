import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isAddressRange, readAddressRange } from '../../../core/fetch/address-range.ts';
import { createAddressRules } from '../../../core/fetch/address-rules.ts';

const rulesOf = (allowPrivate: string[] = [], denied: string[] = []) =>
  createAddressRules({
    allowPrivate: allowPrivate.map((text) => readAddressRange(text)!),
    denied: denied.map((text) => readAddressRange(text)!),
  });
const isAllowed = (address: string, rules = rulesOf()) => rules.allows(address, 80);

test.each(['1.1.1.1', '8.8.8.8', '93.184.216.34', '100.63.255.255', '172.32.0.1', '2606:4700::1111', '2a00:1450::1'])(
  'the public address %s is allowed',
  (address) => {
    expect(isAllowed(address)).toBe(true);
  },
);

test.each([
  ['unspecified', ['0.0.0.0', '0.1.2.3', '::']],
  ['loopback', ['127.0.0.1', '127.255.255.254', '::1']],
  ['private', ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fc00::1', 'fd12:3456::1']],
  ['link-local', ['169.254.169.254', 'fe80::1', 'febf::1']],
  ['site-local', ['fec0::1', 'feff::1']],
  ['carrier-grade NAT', ['100.64.0.0', '100.100.100.200', '100.127.255.255']],
  ['multicast', ['224.0.0.1', '239.255.255.255', 'ff02::1']],
  ['reserved', ['240.0.0.1', '255.255.255.255', '192.0.0.1', '5f00::1', '4000::1', '100::1']],
  ['documentation', ['192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1', '3fff::1']],
  ['benchmarking', ['198.18.0.1', '198.19.255.255', '2001:2::1']],
  ['mapped', ['::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:10.0.0.1', '::ffff:8.8.8.8']],
  ['compatible', ['::127.0.0.1', '::7f00:1', '::8.8.8.8']],
  ['translated', ['::ffff:0:127.0.0.1', '64:ff9b::7f00:1', '64:ff9b::8.8.8.8', '64:ff9b:1::1']],
  ['tunnel', ['2002:7f00:1::', '2002:a00:1::1', '2001::1', '192.88.99.1']],
  ['metadata', ['168.63.129.16', 'fd00:ec2::254']],
])('%s addresses are refused', (_kind, addresses) => {
  expect(addresses.filter((address) => isAllowed(address))).toEqual([]);
});

test.each([
  '',
  'example.com',
  '127.1',
  '0x7f.0.0.1',
  '2130706433',
  '0127.0.0.1',
  '[::1]',
  'fe80::1%eth0',
  '8.8.8.8 ',
  '2606:4700::1%1',
])('what is no address in its usual form is refused: "%s"', (text) => {
  expect(isAllowed(text, rulesOf(['0.0.0.0/0', '::/0']))).toBe(false);
});

test('an allowed range holds for its addresses alone, in their IPv6 form, too', () => {
  const rules = rulesOf(['10.1.0.0/16', 'fd00:1::/32']);
  expect(['10.1.0.0', '10.1.255.255', '::ffff:10.1.2.3', 'fd00:1::5'].every((text) => isAllowed(text, rules))).toBe(
    true,
  );
  expect(['10.0.255.255', '10.2.0.0', '127.0.0.1', 'fd00:2::5'].some((text) => isAllowed(text, rules))).toBe(false);
});

test('an allowed range with a port holds for that port alone', () => {
  const rules = rulesOf(['127.0.0.1/32:8080']);
  expect(rules.allows('127.0.0.1', 8080)).toBe(true);
  expect(rules.allows('127.0.0.1', 8081)).toBe(false);
});

test('a denied range counts more than an allowed one and than being public', () => {
  const rules = rulesOf(['10.0.0.0/8'], ['10.1.0.0/16', '8.8.8.0/24']);
  expect(isAllowed('10.2.0.1', rules)).toBe(true);
  expect(isAllowed('10.1.0.1', rules)).toBe(false);
  expect(isAllowed('8.8.8.8', rules)).toBe(false);
});

test.each([
  ['10.0.0.0/8', { address: '10.0.0.0', prefix: 8, port: undefined }],
  ['127.0.0.1', { address: '127.0.0.1', prefix: 32, port: undefined }],
  ['127.0.0.1:8080', { address: '127.0.0.1', prefix: 32, port: 8080 }],
  ['127.0.0.1/32:8080', { address: '127.0.0.1', prefix: 32, port: 8080 }],
  ['fd00::/8', { address: 'fd00::', prefix: 8, port: undefined }],
  ['::1', { address: '::1', prefix: 128, port: undefined }],
  ['::1/128:8080', { address: '::1', prefix: 128, port: 8080 }],
  ['[::1]:8080', { address: '::1', prefix: 128, port: 8080 }],
  ['[fd00::]/8:80', { address: 'fd00::', prefix: 8, port: 80 }],
])('reads the range %s', (text, range) => {
  expect(readAddressRange(text)).toMatchObject(range);
});

test.each([
  '',
  '10.0.0.0/33',
  '::/129',
  '10.0.0/8',
  'localhost',
  '10.0.0.0/8:0',
  '10.0.0.0/8:65536',
  '10.0.0.0/',
  '[::1',
  'fe80::1%eth0/64',
])('takes "%s" for no range', (text) => {
  expect(isAddressRange(text)).toBe(false);
});

/** Blocks that are not public, as IANA's registries have them, compared with bare numbers instead of a block list. */
const SPECIAL_IPV4 =
  '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 168.63.129.16/32 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 ' +
  '192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 ' +
  '198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4';
const BLOCKS = SPECIAL_IPV4.split(' ').map((text) => {
  const [address = '', prefix] = text.split('/');
  const first = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  return { first, last: first + 2 ** (32 - Number(prefix)) - 1 };
});
const dotted = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');

test('an IPv4 address is allowed if and only if it lies in no special block', () => {
  const near = fc
    .tuple(fc.constantFrom(...BLOCKS), fc.boolean(), fc.integer({ min: -2, max: 2 }))
    .map(([{ first, last }, isFirst, by]) => ((isFirst ? first : last) + by) >>> 0);
  fc.assert(
    fc.property(fc.oneof(near, fc.nat(0xffffffff)), (value) => {
      const isSpecial = BLOCKS.some(({ first, last }) => value >= first && value <= last);
      expect(isAllowed(dotted(value))).toBe(!isSpecial);
    }),
    { numRuns: 2_000 },
  );
});

test('no IPv6 address outside of the assigned block is allowed', () => {
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      const isAssigned = /^[23][0-9a-f]{3}:/i.test(address);
      if (isAllowed(address)) expect(isAssigned).toBe(true);
    }),
  );
});
