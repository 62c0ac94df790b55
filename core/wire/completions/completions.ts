/** OpenAI's text completions, the older API: choices are plain texts, and one request may hold several prompts. */
import type { Fields } from '../../bytes/json.ts';
import { choicesPerPrompt, choicesWire } from '../chat/choices-wire.ts';
import { textCompletionToChunks, TextChunkAssembler, type TextCompletion } from './text-chunks.ts';

export const completions = choicesWire({
  name: 'completions',
  isAlwaysParsed: false,
  choicesAsked: (request) => choicesPerPrompt(request) * promptCount(request),
  isChoice: ({ text }) => typeof text === 'string',
  // Its choices have been checked; everything else is open.
  toChunks: (answer, includeUsage) => textCompletionToChunks(answer as unknown as TextCompletion, { includeUsage }),
  createAssembler: () => new TextChunkAssembler(),
  emptyChunk: { object: 'text_completion', choices: [{ index: 0, text: '', logprobs: null, finish_reason: null }] },
});

/** A prompt is a text or a list of tokens (numbers); a list of either is several prompts. */
function promptCount({ prompt }: Fields): number {
  return Array.isArray(prompt) && prompt.length > 0 && typeof prompt[0] !== 'number' ? prompt.length : 1;
}
