/** OpenAI's text completions, the older API: choices are plain texts, and one request may hold several prompts. */
import { choicesWire } from '../chat/choices-wire.ts';
import { textCompletionToChunks, TextChunkAssembler, type TextCompletion } from './text-chunks.ts';

export const completions = choicesWire({
  name: 'completions',
  isAlwaysParsed: false,
  isChoice: ({ text }) => typeof text === 'string',
  // Its choices have been checked; everything else is open.
  toChunks: (answer, includeUsage) => textCompletionToChunks(answer as unknown as TextCompletion, { includeUsage }),
  createAssembler: () => new TextChunkAssembler(),
  emptyChunk: { object: 'text_completion', choices: [{ index: 0, text: '', logprobs: null, finish_reason: null }] },
});
