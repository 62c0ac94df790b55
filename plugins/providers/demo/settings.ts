import { duration, z, type Upstream } from '../../../core/index.ts';

/** The models that it lists. */
export const MODELS = ['demo-small', 'demo-judge'] as const;

const rate = z.number().min(0).max(1);

/** The keys that an upstream with `provider: demo` may have besides the usual ones. Checked when the file is read. */
export const demoSettings = z.strictObject({
  latency: duration.prefault(0).describe('Wait before each answer.'),
  tokens_per_second: z.number().positive().optional().describe('Pace of streams and answers; absent = at once.'),
  fail: z
    .strictObject({
      status: z.int().min(400).max(599).default(429),
      rate: rate.default(0.1).describe('Share of calls that are refused.'),
      retry_after: z.number().min(0).optional().describe('Seconds, sent as retry-after.'),
    })
    .optional()
    .describe('Refuses some calls, to try retries and limits.'),
  cut_stream: rate.default(0).describe('Share of streams that break off half way.'),
  hang: rate.default(0).describe('Share of calls that are never answered.'),
});
/** The checked settings, with defaults filled in; durations in ms. */
export type DemoSettings = z.output<typeof demoSettings>;

/** An upstream's settings. Throws an `Error` that names the upstream and the key. */
export function readSettings({ name, settings }: Upstream): DemoSettings {
  const result = demoSettings.safeParse(settings.extra);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new Error(`upstreams.${[name, ...(issue?.path ?? [])].join('.')}: ${issue?.message ?? 'invalid'}`);
}
