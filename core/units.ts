import { z } from 'zod';

const MILLISECONDS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
const BYTES = { b: 1, kb: 1_024, mb: 1_024 ** 2, gb: 1_024 ** 3 } as const;
/** The longest wait that a timer of Node supports. A longer one would fire at once. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Schema of an option that is a duration: `500ms`, `30s`, `10m`, `1h` or a number of milliseconds. Gives milliseconds.
 */
export const duration = z
  .union([
    z.number().min(0),
    z.string().regex(/^\d+(\.\d+)?(ms|s|m|h)$/, 'expected a duration such as 30s, or milliseconds'),
  ])
  .meta({ title: 'duration', examples: ['500ms', '30s', '10m', '1h'] })
  .transform((written, context) => {
    const ms = typeof written === 'number' ? written : inUnits(written, MILLISECONDS);
    if (ms > LONGEST_MS) context.addIssue({ code: 'custom', message: 'a duration of at most 24 days', input: written });
    return ms;
  });

/** Schema of an option that is a size: `64kb`, `32mb`, `1gb` or a number of bytes. Gives whole bytes. */
export const size = z
  .union([z.number().min(0), z.string().regex(/^\d+(\.\d+)?(b|kb|mb|gb)$/i)])
  .meta({ title: 'size', examples: ['64kb', '32mb'] })
  .transform((written, context) => {
    const bytes = Math.floor(typeof written === 'number' ? written : inUnits(written.toLowerCase(), BYTES));
    if (!Number.isSafeInteger(bytes)) context.addIssue({ code: 'custom', message: 'a smaller size', input: written });
    return bytes;
  });

/** @param written  A number and one of the units; the schema has checked that. */
function inUnits(written: string, units: Readonly<Record<string, number>>): number {
  const unit = /[a-z]+$/.exec(written)?.[0] ?? '';
  return Number.parseFloat(written) * (units[unit] ?? 1);
}
