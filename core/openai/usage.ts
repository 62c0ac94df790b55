import type { Usage } from './types.ts';

/** Adds two reports, each detail key too; `total_tokens` is prompt + completion. */
export function addUsage(a: Usage, b: Usage): Usage {
  const prompt = (a.prompt_tokens ?? 0) + (b.prompt_tokens ?? 0);
  const completion = (a.completion_tokens ?? 0) + (b.completion_tokens ?? 0);
  const sum: Record<string, unknown> = { ...a, ...b };
  sum['prompt_tokens'] = prompt;
  sum['completion_tokens'] = completion;
  sum['total_tokens'] = prompt + completion;
  for (const key of ['prompt_tokens_details', 'completion_tokens_details'] as const) {
    const details = addDetails(a[key], b[key]);
    if (details) sum[key] = details;
  }
  return sum;
}

function addDetails(
  a: Readonly<Record<string, number>> | null | undefined,
  b: Readonly<Record<string, number>> | null | undefined,
): Record<string, number> | undefined {
  if (!a && !b) return undefined;
  const sum: Record<string, number> = { ...a };
  for (const [key, value] of Object.entries(b ?? {})) if (typeof value === 'number') sum[key] = (sum[key] ?? 0) + value;
  return sum;
}
