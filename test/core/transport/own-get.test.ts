/** The program's own small requests, such as for a list of models, from servers that compress in spite of the request. */
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { Pool } from 'undici';
import { expect, test } from 'vitest';
import { readWhole } from '../../../core/transport/own-get.ts';
import { scriptedUpstream, text } from '../../support/scripted-upstream.ts';

const request = { path: '/v1/models', headers: [], signal: new AbortController().signal, timeoutMs: 10_000 };

async function read(encoding: string, body: Buffer) {
  await using upstream = await scriptedUpstream(text(body, { headers: { 'content-encoding': encoding } }));
  const pool = new Pool(upstream.url);
  try {
    return await readWhole(pool, request);
  } finally {
    await pool.destroy();
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
