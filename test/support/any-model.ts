/**
 * A model that plays every role of every approach (any-reply.ts), over HTTP:
 *
 *   await using upstream = await scriptedUpstream(anyModel());
 */
import { replyTo } from './any-reply.ts';
import {
  chatChunk,
  chatCompletion,
  events,
  json,
  type ScriptedReply,
  type ScriptedRequest,
} from './scripted-upstream.ts';

export interface AnyModelOptions {
  /** Fields that it answers 400 to, as OpenAI does. `n` counts only above 1. */
  readonly refuses?: readonly string[];
  /** Called with each field it refused. */
  readonly onRefusal?: (field: string) => void;
}

export const USAGE = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } as const;

interface Body {
  readonly messages: readonly { readonly role: string; readonly content?: unknown }[];
  readonly n?: number;
  readonly stream?: boolean;
  readonly stream_options?: { readonly include_usage?: boolean };
  readonly [field: string]: unknown;
}

export function anyModel({ refuses = [], onRefusal }: AnyModelOptions = {}): (
  request: ScriptedRequest,
) => ScriptedReply {
  return ({ json: parsed, index }) => {
    const body = parsed as unknown as Body;
    const refused = refuses.find((field) => isSet(body, field));
    if (refused !== undefined) {
      onRefusal?.(refused);
      return refusalOf(refused);
    }
    const texts = Array.from({ length: body.n ?? 1 }, (_, choice) => replyTo(body, `${index}/${choice}`));
    return body.stream === true ? streamed(texts, body) : whole(texts);
  };
}

function isSet(body: Body, field: string): boolean {
  if (field === 'prefill') return body.messages.at(-1)?.role === 'assistant';
  return body[field] !== undefined && (field !== 'n' || Number(body['n']) > 1);
}

function refusalOf(field: string): ScriptedReply {
  const message =
    field === 'prefill'
      ? 'This model does not support assistant message prefill. The conversation must end with a user message.'
      : `Unsupported parameter: '${field}' is not supported with this model.`;
  const param = field === 'prefill' ? 'messages' : field;
  return json(
    { error: { message, type: 'invalid_request_error', param, code: 'unsupported_parameter' } },
    { status: 400 },
  );
}

function whole(texts: readonly string[]): ScriptedReply {
  const [choice] = chatCompletion('').choices;
  const choices = texts.map((content, index) => ({ ...choice, index, message: { role: 'assistant', content } }));
  return json({ ...chatCompletion(''), choices, usage: USAGE });
}

function streamed(texts: readonly string[], { stream_options }: Body): ScriptedReply {
  const choice = (index: number, delta: object, finish: string | null = null) => ({
    ...chatChunk({}),
    choices: [{ index, delta, logprobs: null, finish_reason: finish }],
  });
  const chunks = texts.flatMap((content, index) => [
    choice(index, { role: 'assistant', content: '' }),
    ...(content.match(/[\s\S]{1,20}/g) ?? []).map((piece) => choice(index, { content: piece })),
    choice(index, {}, 'stop'),
  ]);
  const usage = stream_options?.include_usage === true ? [{ ...chatChunk({}), choices: [], usage: USAGE }] : [];
  return events([...chunks, ...usage, 'data: [DONE]\n\n']);
}
