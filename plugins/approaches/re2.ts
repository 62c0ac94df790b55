/**
 * Re-reading (RE2): repeats the last user question in the same prompt. A model that reads from left to right then reads the
 * beginning of the question knowing its end. No call of its own; each repetition adds the question's length to the prompt.
 * The first copy stays where it is, so that an upstream's cached prefix of the conversation still matches.
 *
 * Xu et al. 2023, "Re-Reading Improves Reasoning in Large Language Models", arXiv:2309.06275. Departure: the step-by-step
 * trigger of the paper is an option, off by default.
 */
import { definePlugin, z, type Call, type Message } from '../../core/index.ts';
import {
  approachOptions,
  contentText,
  isFreeText,
  isReasoning,
  withText,
  type Next,
} from '../../core/approach/index.ts';

const NAME = 're2';
const CUE = 'Read the question again:';
const STEP_BY_STEP = "Let's think step by step.";

const options = approachOptions({
  re2_times: z.int().min(2).max(3).default(2).describe('How often the question appears.'),
  re2_cot: z.boolean().default(false).describe('Add a step-by-step trigger, as in the paper.'),
  re2_max_chars: z.int().min(1).max(1_000_000).default(20_000).describe('A longer question passes unchanged.'),
});
type Options = z.output<typeof options>;

export default definePlugin({
  name: NAME,
  description: 'States the question twice, so that the model reads it again.',
  options,
  apply({ approaches }) {
    approaches.add(NAME, { kind: 'transformer', per: 'call', run: reread });
  },
});

function reread(call: Call, next: Next, { re2_times, re2_cot, re2_max_chars }: Options) {
  const { messages } = call.request.value;
  const trigger = re2_cot && isFreeText(call) && !isReasoning(call) ? STEP_BY_STEP : undefined;
  const repeated = repeatQuestion(messages, { times: re2_times, maxChars: re2_max_chars, trigger });
  return next(repeated === messages ? call : call.with({ messages: repeated }));
}

interface Repetition {
  readonly times: number;
  readonly maxChars: number;
  /** Text after the last copy. */
  readonly trigger?: string | undefined;
}

/** The same messages, not a copy, if the last turn is not a user's, has no text, or is longer than `maxChars`. */
export function repeatQuestion(
  messages: readonly Message[],
  { times, maxChars, trigger }: Repetition,
): readonly Message[] {
  const last = messages.at(-1);
  if (last?.role !== 'user') return messages;
  const question = contentText(last.content, ' ');
  if (question.trim() === '' || question.length > maxChars) return messages;
  const copies = Array<string>(times - 1).fill(`${CUE} ${question}`);
  const added = [...copies, ...(trigger === undefined ? [] : [trigger])].join('\n');
  // If the content consists of parts, the copy is one more text part: images are never sent twice.
  const isParts = Array.isArray(last.content);
  return messages.with(messages.length - 1, withText(last, isParts ? `\n${added}` : added, '\n'));
}
