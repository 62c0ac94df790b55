/** The calls of single steps, and which replies the next step can build on. */
import type { Call, Message } from '../../../core/index.ts';
import { isTruncated, isUsable, limitedTo, toolCallKey, type Answer } from '../../../core/approach/index.ts';

/** Fields that shape the client's answer and would garble a plan. */
const WITHOUT_ANSWER_FIELDS = Object.fromEntries(
  `top_p stop presence_penalty frequency_penalty logit_bias logprobs top_logprobs response_format prediction modalities
  audio verbosity`
    .split(/\s+/)
    .map((field) => [field, undefined]),
);

interface Step {
  readonly role: string;
  readonly messages: readonly Message[];
  readonly temperature: number;
  readonly limit: number;
}

/**
 * A call whose reply is only read by a later step. The model sees the client's tools and may plan with them, but may not
 * call one: the answer may.
 */
export function stepCall(call: Call, { role, messages, temperature, limit }: Step): Call {
  const { tools, functions } = call.request.value;
  return call.with(
    {
      ...WITHOUT_ANSWER_FIELDS,
      messages,
      temperature,
      ...limitedTo(call, limit),
      ...(isList(tools) ? { tool_choice: 'none' } : {}),
      ...(isList(functions) ? { function_call: 'none' } : {}),
    },
    { role },
  );
}

function isList(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

/** Is the answer usable, and not cut by its limit? */
export function isComplete(answer: Answer): boolean {
  return isUsable(answer) && !isTruncated(answer);
}

/** Is the answer a complete text? A tool call is neither a plan nor a solution. */
export function isText(answer: Answer): boolean {
  return isComplete(answer) && toolCallKey(answer) === undefined;
}
