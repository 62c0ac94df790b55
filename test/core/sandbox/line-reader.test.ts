import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineReader } from '../../../core/sandbox/line-reader.ts';

test('lines do not depend on where the pipe cuts the bytes', () => {
  const line = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\n', ''));
  fc.assert(
    fc.property(fc.array(line), line, fc.array(fc.nat(100)), (lines, open, cuts) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join('') + open);
      const ends = [...cuts.filter((cut) => cut < bytes.length), bytes.length].sort((a, b) => a - b);
      const reader = new LineReader();
      const read = ends.flatMap((end, index) => reader.read(bytes.subarray(ends[index - 1] ?? 0, end)));
      expect(read).toEqual(lines);
      expect(reader.read(Buffer.from('\n'))).toEqual([open]);
    }),
  );
});
