/**
 * OpenAI's chat wire, as far as this program acts on it. Everything is open: fields nobody here knows are kept
 * (`[key: string]: unknown`), and everything is read-only: bodies are changed by `Payload.with`.
 */

interface Open {
  readonly [key: string]: unknown;
}

export interface TextPart extends Open {
  readonly type: 'text';
  readonly text: string;
}

/** Text, image, audio, file, or a kind that is not known here. */
export interface ContentPart extends Open {
  readonly type: string;
  readonly text?: string;
}

export type Content = string | readonly ContentPart[] | null;

export interface ToolCall extends Open {
  readonly id?: string;
  readonly type?: string;
  readonly function?: { readonly name: string; readonly arguments: string };
  readonly custom?: { readonly name: string; readonly input: string };
}

export interface Message extends Open {
  readonly role: string;
  readonly content?: Content;
  readonly name?: string;
  readonly tool_calls?: readonly ToolCall[];
  readonly tool_call_id?: string;
  readonly refusal?: string | null;
  readonly reasoning_content?: string | null;
}

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

export interface Usage extends Open {
  readonly prompt_tokens?: number;
  readonly completion_tokens?: number;
  readonly total_tokens?: number;
  readonly prompt_tokens_details?: Readonly<Record<string, number>> | null;
  readonly completion_tokens_details?: Readonly<Record<string, number>> | null;
}

export interface Choice extends Open {
  readonly index: number;
  readonly message: Message;
  readonly finish_reason: string | null;
  readonly logprobs?: unknown;
}

export interface ChatCompletion extends Open {
  readonly id: string;
  readonly object: string;
  readonly created: number;
  readonly model: string;
  readonly choices: readonly Choice[];
  readonly usage?: Usage | null;
  readonly system_fingerprint?: string | null;
}

export interface Delta extends Open {
  readonly role?: string;
  readonly content?: string | null;
  readonly reasoning_content?: string | null;
  readonly refusal?: string | null;
  readonly tool_calls?: readonly (ToolCall & { readonly index?: number })[];
}

export interface ChunkChoice extends Open {
  readonly index: number;
  readonly delta: Delta;
  readonly finish_reason?: string | null;
  readonly logprobs?: unknown;
}

export interface Chunk extends Open {
  readonly id: string;
  readonly object: string;
  readonly created: number;
  readonly model: string;
  readonly choices: readonly ChunkChoice[];
  readonly usage?: Usage | null;
}
