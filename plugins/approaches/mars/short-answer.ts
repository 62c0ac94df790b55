/** The short answer, for clients that want the solution before it apart: as `reasoning_content`, or in `<think>` tags. */
import type { Call, Reply } from '../../../core/index.ts';
import {
  answerOf,
  callsTool,
  candidateText,
  codeBlocks,
  withReasoning,
  type Answer,
} from '../../../core/approach/index.ts';
import type { Settings } from './settings.ts';

type Mode = Settings['answer_extraction_mode'];

/**
 * How solution and short answer are shown. Undefined = the solution is the answer as it is. That is always so if the client
 * asks for a format, which a part of the solution would not have.
 */
export function layoutOf(call: Call, { use_thinking_tags, answer_extraction_mode }: Settings) {
  const { response_format, include_reasoning } = call.request.value;
  const hasFormat = (response_format?.['type'] ?? 'text') !== 'text';
  if (answer_extraction_mode === 'none' || hasFormat) return undefined;
  if (include_reasoning === true && use_thinking_tags !== false) return 'reasoning_content';
  return use_thinking_tags === true ? 'tags' : undefined;
}

/** The reply as the client gets it: in the layout, or as it came if there is no layout or no certain short answer. */
export function shown(answer: Answer, call: Call, settings: Settings): Reply {
  const layout = layoutOf(call, settings);
  const { reply, choice } = answer;
  if (layout === undefined || reply.kind !== 'complete' || callsTool(choice.message)) return reply;
  const text = candidateText(answer);
  const short = shortAnswer(text, settings.answer_extraction_mode);
  if (short === undefined) return reply;
  const content =
    layout === 'tags'
      ? { content: `<think>\n${text}\n</think>\n\n${short}` }
      : { content: short, reasoning_content: withReasoning(choice.message, text) };
  const message = { ...choice.message, ...content };
  return { ...reply, body: reply.body.with({ choices: [{ ...choice, index: 0, message, logprobs: null }] }) };
}

/** The short answer in a solution, with its fences if it is code; undefined if none is certain. */
export function shortAnswer(text: string, mode: Mode): string | undefined {
  const block = codeBlocks(text).at(-1);
  const code = block && `\`\`\`${block.language}\n${block.code}\n\`\`\``;
  const answer = answerOf(text) ?? undefined;
  if (mode === 'code') return code;
  if (mode === 'math') return answer;
  if (mode === 'none') return undefined;
  return text.includes(String.raw`\boxed{`) ? (answer ?? code) : (code ?? answer);
}
