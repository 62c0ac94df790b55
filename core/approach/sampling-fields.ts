/** Fields of a request that approaches set or look at: limits, temperature, signs of a format or of a reasoning model. */
import type { Changes } from '../bytes/payload.ts';
import type { Call } from '../exchange/exchange.ts';
import type { ChatRequest } from '../wire/chat/chat-types.ts';
import { bringsThoughts } from '../wire/chat/content.ts';
import type { Answer } from './types.ts';

/** A limit on the completion, as a change to the request: under the name that the client used, else `max_tokens`. */
export function limitedTo(call: Call, tokens: number): Changes<ChatRequest> {
  return call.request.value.max_completion_tokens === undefined
    ? { max_tokens: tokens }
    : { max_completion_tokens: tokens };
}

/** A limit of `fallback` tokens as a change to the request; no change if the client set a limit itself. */
export function withDefaultLimit(call: Call, fallback: number): Changes<ChatRequest> {
  return limitOf(call) === undefined ? limitedTo(call, fallback) : {};
}

/** The client's own limit in tokens; undefined if it set none. */
export function limitOf({ request }: Call): number | undefined {
  return request.value.max_completion_tokens ?? request.value.max_tokens ?? undefined;
}

/** The temperature of calls whose answers should differ: the client's if it is at least 0.5, else `fallback`. */
export function diverseTemperature(call: Call, fallback: number): number {
  const { temperature } = call.request.value;
  return typeof temperature === 'number' && temperature >= 0.5 ? temperature : fallback;
}

const REASONING_MODEL = /(?:^|[/-])(?:o[1-9]|gpt-5|r1|qwq|qwen3|magistral|gpt-oss)(?![a-z0-9])|reason|think/i;

/** May the answer be any text? Not if the client asks for a format (`response_format`) or offers tools. */
export function isFreeText({ request }: Call): boolean {
  const { tools, functions, response_format } = request.value;
  const hasTools = (Array.isArray(tools) && tools.length > 0) || (Array.isArray(functions) && functions.length > 0);
  const format = response_format?.['type'] ?? 'text';
  return !hasTools && format === 'text';
}

/**
 * Is the model known to reason: by its name, by fields of the request, or by answers that it gave? Then its calls need
 * a higher limit, since its reasoning counts.
 */
export function isReasoning({ request }: Call, evidence: readonly Answer[] = []): boolean {
  const { model, reasoning_effort, reasoning, thinking } = request.value;
  if (reasoning_effort !== undefined && reasoning_effort !== null && reasoning_effort !== 'none') return true;
  if (reasoning !== undefined || thinking !== undefined || REASONING_MODEL.test(model)) return true;
  return evidence.some(
    ({ choice, text, usage }) =>
      bringsThoughts(choice.message) ||
      text.includes('</think>') ||
      (usage?.completion_tokens_details?.['reasoning_tokens'] ?? 0) > 0,
  );
}

/**
 * Tokens that a call needs whose reply is short and parsed: 1,024, or 4,096 for a model that reasons.
 * @param evidence  Answers of the same model, which show whether it reasons.
 */
export function judgeLimit(call: Call, evidence?: readonly Answer[]): number {
  return isReasoning(call, evidence) ? 4_096 : 1_024;
}
