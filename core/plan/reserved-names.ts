/** Fields of OpenAI's chat request. An option of the same name can only be set under `optigate`: flat, it is the field. */
export const CHAT_FIELDS: ReadonlySet<string> = new Set(
  `model messages stream stream_options n stop seed user metadata store audio
  temperature top_p presence_penalty frequency_penalty logit_bias logprobs top_logprobs
  max_tokens max_completion_tokens tools tool_choice parallel_tool_calls functions function_call
  response_format reasoning_effort verbosity modalities prediction web_search_options
  service_tier safety_identifier prompt_cache_key prompt_cache_retention prompt_cache_options
  moderation top_k min_p repetition_penalty guided_json chat_template_kwargs provider models
  transforms thinking reasoning extra_body`.split(/\s+/),
);

/** Keys of `optigate: { … }` in a request that are no approach's options. */
export const CONTROL_KEYS = ['max_calls', 'max_tokens', 'deadline', 'trace', 'progress', 'n', 'reduce'] as const;

export const RESERVED_SLUGS: ReadonlySet<string> = new Set([...CONTROL_KEYS, 'auto']);
