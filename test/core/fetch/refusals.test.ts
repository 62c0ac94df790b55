/** What is never connected to: every test counts the connections. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkUrl } from '../../../core/fetch/url-rules.ts';
import { ipv4Spelling, ipv6Spelling } from './spellings.ts';
import { failureOf, fetched, fetcher, reasonOf, web } from './web.ts';

const PRIVATE_BLOCKS: [number, number][] = [
  [0x00000000, 8],
  [0x0a000000, 8],
  [0x64400000, 10],
  [0x7f000000, 8],
  [0xa9fe0000, 16],
  [0xac100000, 12],
  [0xc0a80000, 16],
  [0xe0000000, 4],
  [0xf0000000, 4],
];
const privateIpv4 = fc
  .tuple(fc.constantFrom(...PRIVATE_BLOCKS), fc.nat(0xffffffff))
  .map(([[base, prefix], rest]) => (base + (rest % 2 ** (32 - prefix))) >>> 0);

test('a private IPv4 address is refused in every spelling, and never looked up', async () => {
  const { fetch } = fetcher();
  await fc.assert(
    fc.asyncProperty(privateIpv4.chain(ipv4Spelling), async (host) => {
      expect(await reasonOf(fetch(`http://${host}/`))).toBe('address');
    }),
    { numRuns: 500 },
  );
});

test('whatever an IPv4 address is spelled like, its normal form is the same', () => {
  const rules = { ports: [80], allowHosts: undefined, denyHosts: [], allowLocalNames: false };
  const spelled = fc.nat(0xffffffff).chain((value) => fc.tuple(fc.constant(value), ipv4Spelling(value)));
  fc.assert(
    fc.property(spelled, ([value, host]) => {
      const dotted = [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
      expect(checkUrl(`http://${host}/`, rules).hostname).toBe(dotted);
    }),
    { numRuns: 500 },
  );
});

test('an IPv6 address that stands for an IPv4 one is refused in every spelling', async () => {
  const { fetch } = fetcher();
  const embedded = fc.nat(0xffffffff).chain((value) => {
    const [high, low] = [value >>> 16, value & 0xffff];
    return fc.constantFrom(
      [0, 0, 0, 0, 0, 0xffff, high, low],
      [0, 0, 0, 0, 0, 0, high, low],
      [0, 0, 0, 0, 0xffff, 0, high, low],
      [0x64, 0xff9b, 0, 0, 0, 0, high, low],
      [0x64, 0xff9b, 1, 0, 0, 0, high, low],
      [0x2002, high, low, 0, 0, 0, 0, 1],
      [0x2001, 0, high, low, 0, 0, 0, 1],
    );
  });
  await fc.assert(
    fc.asyncProperty(embedded.chain(ipv6Spelling), async (host) => {
      expect(await reasonOf(fetch(`http://[${host}]/`))).toBe('address');
    }),
    { numRuns: 500 },
  );
});

test.each([
  'http://127.0.0.1./',
  'http://127.0.0.1../',
  'http://①②⑦.⓪.⓪.①/',
  'http://%31%32%37.0.0.1/',
  'http:\\\\127.1\\',
  'http:/127.1',
  ' http://127.\t0.0.1/ ',
  'HTTP://0x7F.1',
  'https://[::1]/',
  'http://[::]/',
  'http://[fe80::1]/',
  'http://[fd00:ec2::254]/latest/meta-data',
  'http://169.254.169.254/latest/meta-data',
])('refuses the address in %j', async (url) => {
  expect(await reasonOf(fetched(url, {}))).toBe('address');
});

test.each([
  [
    'bad_url',
    ['', 'example.com', '/etc/passwd', '//example.com', 'http://', 'http://./', 'http://a..b/', 'http://1.2.3.4.5/'],
  ],
  [
    'bad_url',
    [
      'http://[fe80::1%25eth0]/',
      'http://[::1',
      'http://exa mple.com/',
      'http://example.com:99999/',
      'http://300.1.1.1/',
    ],
  ],
  [
    'scheme',
    ['ftp://example.com/', 'file:///etc/passwd', 'data:text/plain,hi', 'javascript:1', 'gopher://example.com:80/'],
  ],
  ['scheme', ['blob:http://example.com/1', 'ws://example.com/', 'unix:/run/docker.sock']],
  ['credentials', ['http://user@example.com/', 'http://user:pass@example.com/', 'http://:pass@example.com/']],
  ['credentials', ['http://example.com@127.0.0.1/', 'http://example.com%2f@127.0.0.1/']],
  [
    'port',
    ['http://example.com:22/', 'http://example.com:8080/', 'https://example.com:6379/', 'http://example.com:0/'],
  ],
  [
    'host',
    ['http://localhost/', 'http://LOCALHOST./', 'http://a.localhost/', 'http://printer.local/', 'http://ｌocalhost/'],
  ],
  ['host', ['http://metadata.google.internal/', 'http://internal/', 'http://nas.home.arpa/', 'http://db.localdomain/']],
])('refuses by %s, without a look-up: %j', async (reason, urls) => {
  for (const url of urls) expect([url, await reasonOf(fetched(url, {}))]).toEqual([url, reason]);
});

test.each([
  ['private ones', ['10.0.0.1']],
  ['loopback', ['::1']],
  ['a public and a private one', ['93.184.216.34', '127.0.0.1']],
  ['a private and a public one', ['127.0.0.1', '93.184.216.34']],
  ['one with a zone', ['fe80::1%lo']],
  ['something that is no address', ['localhost']],
])('refuses a name that has %s', async (_what, addresses) => {
  const error = await failureOf(fetched('http://example.com/', {}, async () => addresses));
  expect(error).toMatchObject({ reason: 'address', isRefusal: true, host: 'example.com' });
  expect(error.message).toBe("The fetch from 'example.com' was refused: the host has an address that is not public");
});

test('connects to the address that was checked, and does not ask for it a second time', async () => {
  await using server = await web((_request, response) => response.end('hello'));
  const answers = [['127.0.0.1'], ['127.0.0.2']];
  const asked: string[] = [];
  const { body } = await fetched(`http://rebinding.test:${server.port}/`, server.allowed, async (name) => {
    asked.push(name);
    return answers.shift() ?? [];
  });
  expect(body.toString()).toBe('hello');
  expect(asked).toEqual(['rebinding.test']);
});

test('a name that is another address after a redirect is checked again', async () => {
  await using server = await web((_request, response) => response.writeHead(302, { location: '/again' }).end());
  const answers = [['127.0.0.1'], ['127.0.0.2']];
  const fetching = fetched(`http://rebinding.test:${server.port}/`, server.allowed, async () => answers.shift() ?? []);
  expect(await reasonOf(fetching)).toBe('address');
  expect(server.hits).toBe(1);
});

test('a redirect to a private address is refused in every spelling, and nothing connects', async () => {
  await using hidden = await web((_request, response) => response.end('secret'));
  let location = '';
  await using server = await web((_request, response) => response.writeHead(302, { location }).end());
  const { fetch } = fetcher({ resolve: async () => ['127.0.0.1'] });
  const options = { ...server.allowed, ports: [server.port, hidden.port] };
  const hosts = fc.oneof(
    ipv4Spelling(0x7f000001),
    ipv6Spelling([0, 0, 0, 0, 0, 0xffff, 0x7f00, 1]).map((text) => `[${text}]`),
    ipv6Spelling([0, 0, 0, 0, 0, 0, 0, 1]).map((text) => `[${text}]`),
    fc.constantFrom('localhost', 'LocalHost.', 'public.test'),
  );
  await fc.assert(
    fc.asyncProperty(hosts, async (host) => {
      // Header values are ASCII, so other letters travel percent-encoded.
      location = `http://${encodeURI(host).replaceAll(/%5B|%5D/g, decodeURIComponent)}:${hidden.port}/`;
      expect(await reasonOf(fetch(server.url, options))).toBe('address');
    }),
    { numRuns: 60 },
  );
  expect(hidden.hits).toBe(0);
});

test.each([
  ['scheme', 'file:///etc/passwd'],
  ['credentials', 'http://user:pass@example.com/'],
  ['port', 'http://example.com:22/'],
  ['host', 'http://metadata.google.internal/'],
  ['bad_url', 'http://[/'],
  ['unresolved', 'http://nowhere.test/'],
])('a redirect is refused by %s as a first URL is: %s', async (reason, location) => {
  await using server = await web((_request, response) => response.writeHead(301, { location }).end());
  const options = { ports: [80, server.port], allowHosts: ['127.0.0.1', 'example.com', 'nowhere.test'] };
  const resolve = async () => [];
  const fetching = fetched(server.url, { ...server.allowed, ...options }, resolve);
  expect(await reasonOf(fetching)).toBe(reason);
  expect(server.hits).toBe(1);
});

test('a name that nobody knows is a failure, not a refusal', async () => {
  const noSuchName = Object.assign(new Error('getaddrinfo ENOTFOUND nowhere.test'), { code: 'ENOTFOUND' });
  const error = await failureOf(fetched('http://nowhere.test/', {}, () => Promise.reject(noSuchName)));
  expect(error).toMatchObject({ reason: 'unresolved', isRefusal: false, cause: noSuchName });
});

test('loopback is reached where it is allowed, by name if all of its addresses are', async () => {
  await using server = await web((_request, response) => response.end('hello'));
  const url = `http://localhost:${server.port}/`;
  expect((await fetched(url, server.allowed, async () => ['127.0.0.1'])).status).toBe(200);
  expect(await reasonOf(fetched(url, server.allowed, async () => ['127.0.0.1', '::1']))).toBe('address');
});

test('an allowed address on a port that is not allowed is refused', async () => {
  await using server = await web((_request, response) => response.end('hello'));
  expect(await reasonOf(fetched(server.url, { allowPrivate: ['127.0.0.1/32'] }))).toBe('port');
  expect(await reasonOf(fetched(server.url, { ports: [server.port], allowPrivate: ['127.0.0.1/32:80'] }))).toBe(
    'address',
  );
  expect(server.hits).toBe(0);
});

test('allowHosts lets in those hosts alone, and does not make their addresses allowed', async () => {
  const options = { allowHosts: ['*.example.com', 'bücher.example', 'localhost'] };
  const reasonFor = (url: string) => reasonOf(fetched(url, options, async () => ['10.0.0.1']));
  expect(await reasonFor('http://a.b.example.com/')).toBe('address');
  expect(await reasonFor('http://xn--bcher-kva.example/')).toBe('address');
  expect(await reasonFor('http://localhost/')).toBe('address');
  expect(await reasonFor('http://example.com/')).toBe('host');
  expect(await reasonFor('http://badexample.com/')).toBe('host');
  expect(await reasonFor('http://8.8.8.8/')).toBe('host');
});

test('denyHosts counts more than anything that allows', async () => {
  await using server = await web((_request, response) => response.end('hello'));
  const url = `http://www.example.com:${server.port}/`;
  const reasonWith = (denyHosts: string[]) =>
    reasonOf(fetched(url, { ...server.allowed, denyHosts, allowHosts: ['*.example.com'] }, async () => ['127.0.0.1']));
  expect(await reasonWith(['*.example.com'])).toBe('host');
  expect(await reasonWith(['127.0.0.0/8'])).toBe('address');
  expect(server.hits).toBe(0);
});

test('an error names the host of the URL and nothing else of it', async () => {
  const secrets = fc.stringMatching(/^[a-f0-9]{16}$/).map((text) => `s3cret${text}`);
  await fc.assert(
    fc.asyncProperty(
      secrets,
      fc.constantFrom('http', 'ftp', 'bad url'),
      fc.boolean(),
      async (secret, scheme, hasUser) => {
        const url = `${scheme}://${hasUser ? `${secret}:${secret}@` : ''}example.com/${secret}?key=${secret}#${secret}`;
        const error = await failureOf(fetched(url, {}, async () => ['10.9.8.7']));
        const shown = `${error.message} ${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`;
        expect(shown).not.toContain('s3cret');
        expect(shown).not.toContain('10.9.8.7');
      },
    ),
  );
});
