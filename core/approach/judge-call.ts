/** Calls that are parsed and never shown. */
import type { Changes } from '../bytes/payload.ts';
import type { Call, CallChange } from '../exchange/exchange.ts';
import type { ChatRequest } from '../wire/chat/chat-types.ts';
import { judgeLimit, limitedTo } from './sampling-fields.ts';
import type { Answer } from './types.ts';

/**
 * Fields of the client's request that a judge's call leaves out: sampling, tools, formats, and all that shapes an
 * answer.
 */
const NOT_FOR_JUDGES: readonly string[] =
  `temperature top_p stop seed presence_penalty frequency_penalty logit_bias logprobs top_logprobs
  max_tokens max_completion_tokens n stream stream_options prediction modalities audio verbosity
  tools tool_choice parallel_tool_calls functions function_call response_format web_search_options`.split(/\s+/);

/** What a judge is asked, and how. */
export interface JudgePrompt {
  /** The task, as the only system message. */
  readonly system: string;
  /** What is to be judged, as the only user message. */
  readonly user: string;
  /** Absent = the model's own default. */
  readonly temperature?: number;
  /** Tokens that the judge may write. Default 1,024, or 4,096 for a model that reasons. */
  readonly limit?: number;
  /** Answers of the same model, which show whether it reasons. */
  readonly evidence?: readonly Answer[];
  /** Default `judge`. */
  readonly role?: CallChange['role'];
  /** Further fields of the request; they win over all others. */
  readonly fields?: Changes<ChatRequest>;
}

/** The client's call with the prompt and sampling of a judge. What is left, such as the model and `user`, stays as it is. */
export function judgeCall(call: Call, prompt: JudgePrompt): Call {
  const removed = Object.fromEntries(
    NOT_FOR_JUDGES.filter((key) => call.request.value[key] !== undefined).map((key) => [key, undefined]),
  );
  const limit = prompt.limit ?? judgeLimit(call, prompt.evidence);
  return call.with(
    {
      ...removed,
      messages: [
        { role: 'system', content: prompt.system },
        { role: 'user', content: prompt.user },
      ],
      ...(prompt.temperature === undefined ? {} : { temperature: prompt.temperature }),
      ...limitedTo(call, limit),
      ...prompt.fields,
    },
    { role: prompt.role ?? 'judge' },
  );
}
