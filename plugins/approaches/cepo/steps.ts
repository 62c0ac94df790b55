/** How the calls of single steps are made, and which replies a step can go on from. */
import type { Call, Message } from '../../../core/index.ts';
import { isTruncated, isUsable, limitedTo, toolCallKey, type Answer } from '../../../core/approach/index.ts';

/** What shapes the client's answer and would garble a plan; the sampling is each step's own. */
const OF_THE_ANSWER = Object.fromEntries(
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

/** A call whose reply only a later one sees. Tools are in view but not called: what they would do belongs to the answer. */
export function stepCall(call: Call, { role, messages, temperature, limit }: Step): Call {
  const { tools, functions } = call.request.value;
  return call.with(
    {
      ...OF_THE_ANSWER,
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

export function isComplete(answer: Answer): boolean {
  return isUsable(answer) && !isTruncated(answer);
}

/** A complete text: a call of a tool is no plan and no solution. */
export function isText(answer: Answer): boolean {
  return isComplete(answer) && toolCallKey(answer) === undefined;
}
