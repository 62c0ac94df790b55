import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeEntry, encodeEntry, type Entry } from '../../../../plugins/gateway/cache/entry.ts';

const MAX = 1 << 20;
const ENTRY: Entry = {
  storedAt: 1,
  expiresAt: 2,
  form: 'stream',
  headers: ['content-type', 'text/event-stream'],
  body: Buffer.from('data: {}\n\n'.repeat(50)),
};

test('what was encoded decodes, compressed or not', async () => {
  const entry = fc.record({
    storedAt: fc.nat(),
    expiresAt: fc.nat(),
    form: fc.constantFrom('complete' as const, 'stream' as const),
    headers: fc.constantFrom([], ['openai-version', '2020', 'openai-model', 'm "quoted"']),
    body: fc.uint8Array({ maxLength: 2_000 }).map((bytes) => Buffer.from(bytes)),
  });
  await fc.assert(
    fc.asyncProperty(entry, fc.nat(2_000), async (made, zipAbove) => {
      expect(await decodeEntry(await encodeEntry(made, zipAbove), MAX)).toEqual(made);
    }),
  );
});

test('compresses above a size', async () => {
  const [plain, zipped] = [await encodeEntry(ENTRY, 1_000), await encodeEntry(ENTRY, 100)];
  expect(zipped.length).toBeLessThan(plain.length / 2);
});

test.each([0, 1_000])('cut at any byte it is a miss (compressed above %i)', async (zipAbove) => {
  const bytes = await encodeEntry(ENTRY, zipAbove);
  for (let length = 0; length < bytes.length; length++)
    expect(await decodeEntry(bytes.subarray(0, length), MAX)).toBeUndefined();
});

test('anything else is a miss', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      expect(await decodeEntry(Buffer.from(bytes), MAX)).toBeUndefined();
    }),
  );
  const bytes = await encodeEntry(ENTRY, 1_000);
  bytes[2] = 2;
  expect(await decodeEntry(bytes, MAX)).toBeUndefined();
});

/** An entry with a head of somebody else's making. */
function forged(head: object, body: string): Buffer {
  const bytes = Buffer.from(
    JSON.stringify({ storedAt: 1, expiresAt: 2, isZipped: false, length: body.length, ...head }),
  );
  const size = Buffer.alloc(4);
  size.writeUInt32BE(bytes.length);
  return Buffer.concat([Buffer.from([0x4f, 0x47, 1]), size, bytes, Buffer.from(body)]);
}

test.each<[string, object, string]>([
  ['a header that is never stored', { headers: ['set-cookie', 'a=b'] }, '{}'],
  ['another letter case', { headers: ['Content-Type', 'application/json'] }, '{}'],
  ['a line break in a header', { headers: ['openai-model', 'm\r\nset-cookie: a=b'] }, '{}'],
  ['another character that no header can carry', { headers: ['openai-model', 'm\u{1f600}'] }, '{}'],
  ['the type of another form', { headers: ['content-type', 'text/html'] }, '{}'],
  ['an odd number of texts', { headers: ['openai-model'] }, '{}'],
  ['a header many times over', { headers: Array.from({ length: 100 }, () => ['openai-model', 'm']).flat() }, '{}'],
  ['a body that is nested deeply', { headers: [] }, `{"choices":${'['.repeat(50_000)}`],
  ['a head without an end', { headers: [], more: 'x'.repeat(100_000) }, '{}'],
])('others may write to the store: %s is a miss', async (_, head, body) => {
  expect(await decodeEntry(forged({ form: 'complete', headers: [] }, '{}'), MAX)).toBeDefined();
  expect(await decodeEntry(forged({ form: 'complete', ...head }, body), MAX)).toBeUndefined();
});

test('unpacks no more than an entry may have', async () => {
  const bomb = await encodeEntry({ ...ENTRY, body: Buffer.alloc(2 * MAX) }, 0);
  expect(await decodeEntry(bomb, MAX)).toBeUndefined();
});
