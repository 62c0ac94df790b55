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
    headers: fc.constantFrom([], ['content-type', 'application/json', 'openai-model', 'm "quoted"']),
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

test('unpacks no more than an entry may have', async () => {
  const bomb = await encodeEntry({ ...ENTRY, body: Buffer.alloc(2 * MAX) }, 0);
  expect(await decodeEntry(bomb, MAX)).toBeUndefined();
});
