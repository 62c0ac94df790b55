import { expect, test } from 'vitest';
import { proxiesOf } from '../../../core/config/environment.ts';
import { proxyFor } from '../../../core/gateway/proxy.ts';

const ENV = { HTTPS_PROXY: 'http://secure:3128', HTTP_PROXY: 'plain:8080' };

function proxyOf(baseUrl: string, env: Record<string, string> = ENV, own?: string) {
  return proxyFor({ baseUrl, own, proxies: proxiesOf(env) });
}

test('the environment names the proxy by the scheme of the address; small letters win', () => {
  expect(proxyOf('https://api.test/v1')).toBe('http://secure:3128/');
  expect(proxyOf('http://api.test/v1')).toBe('http://plain:8080/');
  expect(proxyOf('https://api.test/v1', { ...ENV, https_proxy: 'http://small:1' })).toBe('http://small:1/');
  expect(proxyOf('https://api.test/v1', { HTTP_PROXY: 'http://plain' })).toBeUndefined();
  expect(proxyOf('https://api.test/v1', {})).toBeUndefined();
  expect(proxyOf('https://api.test/v1', { HTTPS_PROXY: '' })).toBeUndefined();
});

test("an upstream's own proxy wins, and none is none", () => {
  expect(proxyOf('https://api.test/v1', ENV, 'http://own:1')).toBe('http://own:1/');
  expect(proxyOf('https://api.test/v1', { ...ENV, NO_PROXY: '*' }, 'http://own:1')).toBe('http://own:1/');
  expect(proxyOf('https://api.test/v1', ENV, 'none')).toBeUndefined();
});

test.each(['localhost', 'a.localhost', 'localhost.', '127.0.0.1', '127.1', '[::1]', '[::ffff:127.0.0.1]'])(
  'loopback is always direct: %s',
  (host) => {
    expect(proxyOf(`https://${host}:8443/v1`)).toBeUndefined();
    expect(proxyOf(`https://${host}:8443/v1`, {}, 'http://own:1')).toBeUndefined();
  },
);

test.each<[string, string, boolean]>([
  ['*', 'https://api.test', true],
  ['api.test', 'https://api.test', true],
  ['API.test', 'https://api.test', true],
  ['test', 'https://api.test', true],
  ['.test', 'https://api.test', true],
  ['*.test', 'https://api.test', true],
  ['a.b, api.test', 'https://api.test', true],
  ['a.b api.test', 'https://api.test', true],
  ['pi.test', 'https://api.test', false],
  ['api.test:443', 'https://api.test', true],
  ['api.test:8443', 'https://api.test', false],
  ['api.test:8443', 'https://api.test:8443', true],
  ['10.0.0.0/8', 'https://10.1.2.3', true],
  ['10.0.0.0/8', 'https://11.1.2.3', false],
  ['10.0.0.0/99', 'https://10.1.2.3', false],
  ['2001:db8::1', 'https://[2001:db8::1]', true],
  ['[2001:db8::1]:8443', 'https://[2001:db8::1]:8443', true],
  ['2001:db8::/32', 'https://[2001:db8::1]', true],
  ['3', 'https://10.1.2.3', false],
  [',, ,', 'https://api.test', false],
])('NO_PROXY=%s: %s is direct: %s', (NO_PROXY, url, isDirect) => {
  expect(proxyOf(`${url}/v1`, { ...ENV, NO_PROXY }) === undefined).toBe(isDirect);
});

test('what is no HTTP proxy is an error that names the variable and not its value', () => {
  for (const HTTPS_PROXY of ['socks5://user:secret@proxy:1080', 'http://user:secret@'])
    expect(() => proxyOf('https://api.test', { HTTPS_PROXY })).toThrow(
      /^HTTPS_PROXY: expected the address of an HTTP proxy such as \S+$/,
    );
});
