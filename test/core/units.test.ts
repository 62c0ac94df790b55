import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { duration, size } from '../../core/index.ts';

test.each([
  ['500ms', 500],
  ['30s', 30_000],
  ['1.5s', 1_500],
  ['10m', 600_000],
  ['1h', 3_600_000],
  [250, 250],
  [0, 0],
])('the duration %s is %i ms', (written, ms) => {
  expect(duration.parse(written)).toBe(ms);
});

test.each(['', '30', '30 s', '-1s', 's', '1d', '1h30m', -1, null, '1000h'])('%j is no duration', (written) => {
  expect(duration.safeParse(written).success).toBe(false);
});

test.each([
  ['64kb', 65_536],
  ['32mb', 33_554_432],
  ['1GB', 1_073_741_824],
  ['10b', 10],
  ['1.5kb', 1_536],
  [1024, 1024],
])('the size %s is %i bytes', (written, bytes) => {
  expect(size.parse(written)).toBe(bytes);
});

test.each(['', '32', '32 mb', '-1kb', '1tb', -1, '99999999999gb'])('%j is no size', (written) => {
  expect(size.safeParse(written).success).toBe(false);
});

test('a duration in any unit is the same time', () => {
  fc.assert(
    fc.property(fc.nat(500), (hours) => {
      const written = [`${hours}h`, `${hours * 60}m`, `${hours * 3600}s`, `${hours * 3_600_000}ms`, hours * 3_600_000];
      expect(new Set(written.map((text) => duration.parse(text)))).toEqual(new Set([hours * 3_600_000]));
    }),
  );
});

test('a size in any unit is the same number of bytes', () => {
  fc.assert(
    fc.property(fc.nat(1000), (mb) => {
      const written = [`${mb}mb`, `${mb * 1024}kb`, `${mb * 1024 * 1024}b`, mb * 1024 * 1024];
      expect(new Set(written.map((text) => size.parse(text)))).toEqual(new Set([mb * 1024 * 1024]));
    }),
  );
});
