import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { createPools } from '../../../core/transport/pools.ts';
import { upstreamAt } from '../../support/upstream-call.ts';

test('upstreams of one origin share their connections, other TLS settings never', async () => {
  const pools = createPools();
  const plain = pools.for(upstreamAt('https://a.test/v1'));
  expect(plain.prefix).toBe('/v1');
  expect(pools.for(upstreamAt('https://a.test/other/')).pool).toBe(plain.pool);
  expect(pools.for(upstreamAt('https://a.test/other/')).prefix).toBe('/other');
  expect(pools.for(upstreamAt('https://a.test')).prefix).toBe('');
  expect(pools.for(upstreamAt('https://b.test/v1')).pool).not.toBe(plain.pool);
  expect(pools.for(upstreamAt('https://a.test/v1', { tls: { verify: false } })).pool).not.toBe(plain.pool);
  expect(pools.for(upstreamAt('https://a.test/v1', { tls: { verify: true, ca: 'x' } })).pool).not.toBe(plain.pool);
  await pools.close();
});

test('pools are bounded: one that is not in use makes room', async () => {
  const pools = createPools({ maxPools: 2 });
  const [a, b, c] = ['http://a.test', 'http://b.test', 'http://c.test'].map((url) => upstreamAt(url));
  if (!a || !b || !c) throw new Error('three are needed');
  const first = pools.for(a).pool;
  const second = pools.for(b).pool;
  pools.for(c);
  expect(first.closed).toBe(true);
  expect(second.closed).toBe(false);
  expect(pools.for(a).pool).not.toBe(first);
  await pools.close();
});

test('of undici only the pool is loaded', async () => {
  const pools = new URL('../../../core/transport/pools.ts', import.meta.url).href;
  const code = `await import('${pools}');
    const loaded = Object.keys((await import('node:module')).default._cache).map((path) => path.split('/undici/')[1]);
    console.log(loaded.includes('lib/dispatcher/pool.js'), loaded.includes('index.js'));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code]);
  expect(stdout.trim()).toBe('true false');
});
