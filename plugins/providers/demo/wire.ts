import type { Usage } from '../../../core/index.ts';
import { tokenise } from './tokens.ts';

/** One finished choice, before it is written as an answer or as a stream. */
export interface Finished {
  readonly text: string;
  readonly toolCall?: { readonly id: string; readonly name: string; readonly arguments: string };
  readonly reason: 'stop' | 'length' | 'tool_calls';
}

/** What all chunks of one answer share. */
export interface Heading {
  readonly id: string;
  /** Seconds. */
  readonly created: number;
  readonly model: string;
}

/** How one of the two operations, chat and text completions, writes choices and deltas. */
interface Form {
  readonly object: string;
  readonly chunkObject: string;
  choice(finished: Finished): object;
  /** The first delta of a choice; undefined = none. */
  readonly opening: object | undefined;
  delta(piece: string): object;
  toolDeltas(call: NonNullable<Finished['toolCall']>): object[];
  readonly closing: object;
}

const CHAT: Form = {
  object: 'chat.completion',
  chunkObject: 'chat.completion.chunk',
  choice: ({ text, toolCall }) => ({
    message: {
      role: 'assistant',
      content: toolCall ? null : text,
      refusal: null,
      ...(toolCall && { tool_calls: [toolCallOf(toolCall)] }),
    },
  }),
  opening: { delta: { role: 'assistant', content: '', refusal: null } },
  delta: (content) => ({ delta: { content } }),
  toolDeltas: (call) => [
    { delta: { tool_calls: [{ index: 0, ...toolCallOf({ ...call, arguments: '' }) }] } },
    ...tokenise(call.arguments).map((piece) => ({
      delta: { tool_calls: [{ index: 0, function: { arguments: piece } }] },
    })),
  ],
  closing: { delta: {} },
};

const COMPLETIONS: Form = {
  object: 'text_completion',
  chunkObject: 'text_completion',
  choice: ({ text }) => ({ text }),
  opening: undefined,
  delta: (text) => ({ text }),
  toolDeltas: () => [],
  closing: { text: '' },
};

/** Operation → how it writes answers. */
export const FORMS = { chat: CHAT, completions: COMPLETIONS } as const;
/** An operation that the demo answers with text. */
export type FormName = keyof typeof FORMS;

const FINGERPRINT = 'demo';

/** A whole answer. */
export function toCompletion(name: FormName, heading: Heading, choices: readonly Finished[], usage: Usage): object {
  const form = FORMS[name];
  return {
    id: heading.id,
    object: form.object,
    created: heading.created,
    model: heading.model,
    choices: choices.map((finished, index) => ({
      index,
      ...form.choice(finished),
      logprobs: null,
      finish_reason: finished.reason,
    })),
    usage,
    system_fingerprint: FINGERPRINT,
  };
}

/** The events of a stream. Each element holds the next event of every choice, so that the choices grow side by side. */
export function* toEvents(
  name: FormName,
  heading: Heading,
  choices: readonly Finished[],
  usage: Usage | undefined,
): Generator<string> {
  const form = FORMS[name];
  const event = (parts: readonly object[], sum?: Usage) =>
    `data: ${JSON.stringify({
      id: heading.id,
      object: form.chunkObject,
      created: heading.created,
      model: heading.model,
      system_fingerprint: FINGERPRINT,
      choices: parts,
      ...(usage && { usage: sum ?? null }),
    })}\n\n`;
  const tracks = choices.map((finished, index) => [
    ...stepsOf(form, finished).map((step) => event([{ index, ...step, logprobs: null, finish_reason: null }])),
    event([{ index, ...form.closing, logprobs: null, finish_reason: finished.reason }]),
  ]);
  const longest = Math.max(...tracks.map((track) => track.length));
  for (let step = 0; step < longest; step++) yield tracks.map((track) => track[step] ?? '').join('');
  if (usage) yield event([], usage);
  yield 'data: [DONE]\n\n';
}

function stepsOf(form: Form, { text, toolCall }: Finished): object[] {
  const steps = toolCall ? form.toolDeltas(toolCall) : tokenise(text).map((piece) => form.delta(piece));
  return form.opening ? [form.opening, ...steps] : steps;
}

function toolCallOf({ id, name, arguments: text }: NonNullable<Finished['toolCall']>): object {
  return { id, type: 'function', function: { name, arguments: text } };
}
