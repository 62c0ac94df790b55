import type { Changes } from '../bytes/payload.ts';
import type { ChatRequest } from '../wire/chat/chat-types.ts';
import type { Answer } from './types.ts';
import type { CallChange, Call } from '../exchange/exchange.ts';
import { isReasoning, limitedTo } from './sampling-fields.ts';

/** What a judge's call does not take over from the client's: sampling, tools, formats, and whatever shapes an answer. */
const NOT_FOR_JUDGES: readonly string[] =
  `temperature top_p stop seed presence_penalty frequency_penalty logit_bias logprobs top_logprobs
  max_tokens max_completion_tokens n stream stream_options prediction modalities audio verbosity
  tools tool_choice parallel_tool_calls functions function_call response_format web_search_options`.split(/\s+/);

export interface JudgePrompt {
  /** The task, as the only system message. */
  readonly system: string;
  /** What is to be judged, as the only user message. */
  readonly user: string;
  readonly temperature?: number;
  /** Tokens that the judge may write; default 1,024, or 4,096 for a model that reasons. */
  readonly limit?: number;
  /** Answers of the same model: whether it reasons shows in them. */
  readonly evidence?: readonly Answer[];
  /** What the call is recorded as; default `judge`. */
  readonly role?: CallChange['role'];
  /** Further fields of the request. */
  readonly fields?: Changes<ChatRequest>;
}

/** A call whose reply is parsed and never shown: a prompt and sampling of its own, everything else as the client's. */
export function judgeCall(call: Call, prompt: JudgePrompt): Call {
  const removed = Object.fromEntries(
    NOT_FOR_JUDGES.filter((key) => call.request.value[key] !== undefined).map((key) => [key, undefined]),
  );
  const limit = prompt.limit ?? (isReasoning(call, prompt.evidence) ? 4_096 : 1_024);
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
