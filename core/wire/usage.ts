/** Reads how many tokens an answer took. The result has chat's field names, whichever wire reported it. */
import { isRecord, type Fields } from '../bytes/json.ts';
import type { Usage } from './chat/chat-types.ts';

/** Adds two reports: every number in them and in their details. `total_tokens` becomes prompt + completion. */
export function addUsage(a: Usage, b: Usage): Usage {
  const prompt = (a.prompt_tokens ?? 0) + (b.prompt_tokens ?? 0);
  const completion = (a.completion_tokens ?? 0) + (b.completion_tokens ?? 0);
  return {
    ...addNumbers(a, b),
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
  };
}

function addNumbers(a: Fields, b: Fields): Record<string, unknown> {
  const sum = new Map<string, unknown>(Object.entries(a));
  for (const [key, value] of Object.entries(b)) {
    const before = sum.get(key);
    if (typeof before === 'number' && typeof value === 'number') sum.set(key, before + value);
    else if (isRecord(before) && isRecord(value)) sum.set(key, addNumbers(before, value));
    else sum.set(key, value ?? before);
  }
  return Object.fromEntries(sum);
}

/** Reads chat's usage. Also accepts the field names of Responses, because some servers mix the two. */
export function usageFromChat(usage: unknown): Usage | undefined {
  if (!isRecord(usage)) return undefined;
  const isChatUsage = typeof usage['prompt_tokens'] === 'number' || typeof usage['completion_tokens'] === 'number';
  return isChatUsage ? usage : usageFromResponses(usage);
}

/** Reads the usage of Responses; undefined if it has no token count. */
export function usageFromResponses(usage: unknown): Usage | undefined {
  if (!isRecord(usage) || !hasTokens(usage)) return undefined;
  const prompt = numberOrZero(usage['input_tokens']);
  const completion = numberOrZero(usage['output_tokens']);
  const promptDetails = usage['input_tokens_details'];
  const completionDetails = usage['output_tokens_details'];
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    ...(isRecord(promptDetails) ? { prompt_tokens_details: numbersIn(promptDetails) } : {}),
    ...(isRecord(completionDetails) ? { completion_tokens_details: numbersIn(completionDetails) } : {}),
  };
}

/**
 * Reads Anthropic's usage; undefined if it has no token count. Anthropic does not count cached tokens as
 * `input_tokens`; here they are part of the prompt.
 */
export function usageFromMessages(usage: unknown): Usage | undefined {
  if (!isRecord(usage) || !hasTokens(usage)) return undefined;
  const read = numberOrZero(usage['cache_read_input_tokens']);
  const prompt = numberOrZero(usage['input_tokens']) + read + numberOrZero(usage['cache_creation_input_tokens']);
  const completion = numberOrZero(usage['output_tokens']);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: read },
  };
}

function hasTokens(usage: Fields): boolean {
  return typeof usage['input_tokens'] === 'number' || typeof usage['output_tokens'] === 'number';
}

function numberOrZero(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}

function numbersIn(details: Fields): Record<string, number> {
  return Object.fromEntries(
    Object.entries(details).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  );
}
