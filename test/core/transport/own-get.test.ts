/** The program's own small requests, such as for a list of models, from servers that compress in spite of the request. */
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { readWhole } from '../../../core/transport/own-get.ts';
import { createPools } from '../../../core/transport/pools.ts';
import { HANG, scriptedUpstream, text } from '../../support/scripted-upstream.ts';
import { upstreamAt } from '../../support/upstream-call.ts';

const request = { path: '/v1/models', headers: [], signal: new AbortController().signal, timeoutMs: 10_000 };

async function read(encoding: string, body: Buffer) {
  await using upstream = await scriptedUpstream(text(body, { headers: { 'content-encoding': encoding } }));
  const pools = createPools();
  const { pool } = pools.for(upstreamAt(upstream.baseUrl));
  try {
    return await readWhole(pool, request);
  } finally {
    await pools.close();
  }
}

test.each([
  ['gzip', gzipSync],
  ['X-GZIP', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
  ['zstd', zstdCompressSync],
  ['identity', (plain: string) => Buffer.from(plain)],
])('%s is read', async (encoding, compress) => {
  const { status, body } = await read(encoding, compress('{"data":[]}'));
  expect([status, body.toString()]).toEqual([200, '{"data":[]}']);
});

test('an answer that is too large is not read on, nor one that would be when it is unpacked', async () => {
  const large = Buffer.alloc(17 * 1024 * 1024, ' ');
  await expect(read('identity', large)).rejects.toThrow('the answer is larger than');
  await expect(read('gzip', gzipSync(large))).rejects.toThrow();
});

test('who gives up is told at once, and the request ends; one that gave up before sends none', async () => {
  await using upstream = await scriptedUpstream(HANG);
  const pools = createPools();
  const { pool } = pools.for(upstreamAt(upstream.baseUrl));
  const leaving = new AbortController();
  const read = readWhole(pool, { ...request, signal: leaving.signal });
  await upstream.request(0);
  leaving.abort(new Error('gave up'));
  await expect(read).rejects.toThrow('gave up');
  await expect(readWhole(pool, { ...request, signal: leaving.signal })).rejects.toThrow('gave up');
  await expect.poll(() => upstream.running).toBe(0);
  expect(upstream.requests).toHaveLength(1);
  await pools.close();
});

test('who gives up while no connection is free is told at once, and its request is never sent', async () => {
  await using upstream = await scriptedUpstream(HANG);
  const pools = createPools({ connections: 1 });
  const { pool } = pools.for(upstreamAt(upstream.baseUrl));
  const [first, second] = [new AbortController(), new AbortController()];
  const reads = [first, second].map(({ signal }) => readWhole(pool, { ...request, signal }));
  await upstream.request(0);
  second.abort(new Error('gave up'));
  await expect(reads[1]).rejects.toThrow('gave up');
  first.abort(new Error('done'));
  await expect(reads[0]).rejects.toThrow('done');
  await pools.close();
  expect(upstream.requests).toHaveLength(1);
});
