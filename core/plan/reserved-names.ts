/**
 * Fields of chat requests, OpenAI's and widely used additions. If an option has such a name, a body's flat field of
 * that name is the wire's; the option can be set as `<slug>_<option>` or below `optigate`.
 */
export const CHAT_FIELDS: ReadonlySet<string> = new Set(
  `model messages stream stream_options n stop seed user metadata store audio
  temperature top_p presence_penalty frequency_penalty logit_bias logprobs top_logprobs
  max_tokens max_completion_tokens tools tool_choice parallel_tool_calls functions function_call
  response_format reasoning_effort verbosity modalities prediction web_search_options
  service_tier safety_identifier prompt_cache_key prompt_cache_retention prompt_cache_options
  moderation top_k min_p repetition_penalty guided_json chat_template_kwargs provider models
  transforms thinking reasoning extra_body`.split(/\s+/),
);

/** Keys of the body's field `optigate` that are not the slug of an approach. */
export const CONTROL_KEYS = ['max_calls', 'max_tokens', 'deadline', 'trace', 'progress', 'n', 'reduce'] as const;

/** Names that no approach may have, because they mean something else in a request. */
export const RESERVED_SLUGS: ReadonlySet<string> = new Set([...CONTROL_KEYS, 'auto']);
