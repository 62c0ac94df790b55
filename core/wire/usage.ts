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

/** The usage with `reasoning_tokens`, which is 0 if none were reported: answers of approaches always have it. */
export function withReasoningTokens(usage: Usage): Usage {
  const details = usage.completion_tokens_details ?? {};
  if (typeof details['reasoning_tokens'] === 'number') return usage;
  return { ...usage, completion_tokens_details: { ...details, reasoning_tokens: 0 } };
}

/**
 * Reads a usage report; undefined if it has no token count. The members tell whose words it uses, not the wire, because
 * servers mix them: a local server's Responses with chat's names, or Anthropic's names on chat.
 */
export function readUsage(usage: unknown): Usage | undefined {
  if (!isRecord(usage)) return undefined;
  if (hasNumber(usage, 'prompt_tokens', 'completion_tokens')) return usage;
  if (!hasNumber(usage, 'input_tokens', 'output_tokens')) return undefined;
  const isAnthropic = 'cache_read_input_tokens' in usage || 'cache_creation_input_tokens' in usage;
  return isAnthropic ? usageFromMessages(usage) : usageFromResponses(usage);
}

function usageFromResponses(usage: Fields): Usage {
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

/** Anthropic does not count cached tokens as `input_tokens`; here they are part of the prompt. */
function usageFromMessages(usage: Fields): Usage {
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

function hasNumber(usage: Fields, ...names: readonly string[]): boolean {
  return names.some((name) => typeof usage[name] === 'number');
}

function numberOrZero(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}

function numbersIn(details: Fields): Record<string, number> {
  return Object.fromEntries(
    Object.entries(details).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  );
}
