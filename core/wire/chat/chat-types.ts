/**
 * OpenAI's chat wire, as far as this program acts on it. All types are open: fields that they do not name are kept
 * (`[key: string]: unknown`). All are read-only: bodies are changed by `Payload.with`.
 */

interface Open {
  readonly [key: string]: unknown;
}

/** A part of a message's content that is text. */
export interface TextPart extends Open {
  readonly type: 'text';
  readonly text: string;
}

/** A part of a message's content: text, image, audio, file, or a kind that is not known here. */
export interface ContentPart extends Open {
  readonly type: string;
  readonly text?: string;
}

/** A message's content. */
export type Content = string | readonly ContentPart[] | null;

/**
 * A call of a function or of a custom tool. In a stream, its first delta has the name, later ones pieces of the
 * arguments.
 */
export interface ToolCall extends Open {
  readonly id?: string;
  readonly type?: string;
  readonly function?: { readonly name: string; readonly arguments: string };
  readonly custom?: { readonly name: string; readonly input: string };
}

/** One turn of a conversation. */
export interface Message extends Open {
  readonly role: string;
  readonly content?: Content;
  readonly name?: string;
  readonly tool_calls?: readonly ToolCall[];
  readonly tool_call_id?: string;
  readonly refusal?: string | null;
  readonly reasoning_content?: string | null;
}

/** The body of a request to `/v1/chat/completions`. */
export interface ChatRequest extends Open {
  readonly model: string;
  readonly messages: readonly Message[];
  readonly stream?: boolean | null;
  readonly stream_options?: { readonly include_usage?: boolean; readonly [key: string]: unknown } | null;
  readonly n?: number | null;
  readonly temperature?: number | null;
  readonly top_p?: number | null;
  readonly max_tokens?: number | null;
  readonly max_completion_tokens?: number | null;
  readonly stop?: string | readonly string[] | null;
  readonly seed?: number | null;
  readonly logprobs?: boolean | null;
  readonly tools?: readonly unknown[] | null;
  readonly response_format?: Open | null;
}

/** How many tokens an answer took. */
export interface Usage extends Open {
  readonly prompt_tokens?: number;
  readonly completion_tokens?: number;
  readonly total_tokens?: number;
  readonly prompt_tokens_details?: Readonly<Record<string, number>> | null;
  readonly completion_tokens_details?: Readonly<Record<string, number>> | null;
}

/** One of a completion's answers; a request asks for `n` of them. */
export interface Choice extends Open {
  readonly index: number;
  readonly message: Message;
  readonly finish_reason: string | null;
  readonly logprobs?: unknown;
}

/** A whole answer. */
export interface ChatCompletion extends Open {
  readonly id: string;
  readonly object: string;
  readonly created: number;
  readonly model: string;
  readonly choices: readonly Choice[];
  readonly usage?: Usage | null;
  readonly system_fingerprint?: string | null;
}

/** What a chunk adds to a choice's message. */
export interface Delta extends Open {
  readonly role?: string;
  readonly content?: string | null;
  readonly reasoning_content?: string | null;
  readonly refusal?: string | null;
  readonly tool_calls?: readonly (ToolCall & { readonly index?: number })[];
}

/** What a chunk adds to one choice. */
export interface ChunkChoice extends Open {
  readonly index: number;
  readonly delta: Delta;
  readonly finish_reason?: string | null;
  readonly logprobs?: unknown;
}

/** One event of a streamed answer. */
export interface Chunk extends Open {
  readonly id: string;
  readonly object: string;
  readonly created: number;
  readonly model: string;
  readonly choices: readonly ChunkChoice[];
  readonly usage?: Usage | null;
}
