/**
 * A model that plays every role of every approach, over HTTP: it does what the prompt asks for, by the form that the
 * prompt demands (`Score:`, `Choice:`, `VERDICT:`, a list, a program …), and answers anything else with the answer 42.
 *
 *   await using upstream = await scriptedUpstream(anyModel());
 */
import { createHash } from 'node:crypto';
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

/** Lines that a prompt may demand, and what this model says in them. */
const FORMS: readonly (readonly [demanded: RegExp, line: string])[] = [
  [/\bScore:/, 'Score: 1'],
  [/\bRating:/, 'Rating: [[1]]'],
  [/\bBetter Response:/, 'Better Response: [[0]]'],
  [/\bChoice:/, 'Choice: 1'],
  [/\bBest:/, 'Best: 1'],
  [/\bRanking:/, 'Ranking: 1 > 2 > 3'],
  [/\bVERDICT:/, 'Confidence: 8\nVERDICT: CORRECT'],
];

/** @param sample  Makes samples differ in their words. */
export function replyTo({ messages }: Pick<Body, 'messages'>, sample: string): string {
  const asked = messages
    .map(({ content }) => (typeof content === 'string' ? content : JSON.stringify(content)))
    .join('\n');
  const demanded = FORMS.filter(([form]) => form.test(asked)).map(([, line]) => line);
  const word = createHash('sha256').update(sample).digest('hex').slice(0, 6);
  if (demanded.length > 0) return [`Weighed, ${word}. The final answer is 42.`, ...demanded].join('\n');
  if (/SOLVER_CAN_BE_APPLIED/.test(asked)) return SOLVER;
  if (/<output>/.test(asked))
    return `<thinking>Thought, ${word}.</thinking>\n<output>\nThe final answer is ${/deliberate/i.test(asked) ? 13 : 42}.\n</output>`;
  if (/```|\bfunction\b|\bprogram\b|\bcode\b/i.test(asked))
    return `Here it is, ${word}.\n\n\`\`\`js\nconst answer = 42; // ${word}\n\`\`\``;
  return `Worked out, ${word}. The final answer is 42.`;
}

const SOLVER = `SOLVER_CAN_BE_APPLIED: True
SOLVER_FORMULATION:
\`\`\`smt2
(declare-const x Int)
(assert (= x (* 6 7)))
(check-sat)
(get-value (x))
\`\`\``;

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
