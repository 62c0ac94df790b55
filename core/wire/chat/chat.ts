/** OpenAI's chat completions, the wire that approaches work with. */
import { isRecord } from '../../bytes/json.ts';
import type { ChatCompletion } from './chat-types.ts';
import { choicesPerPrompt, choicesWire } from './choices-wire.ts';
import { ChunkAssembler } from './chunk-assembler.ts';
import { completionToChunks } from './completion-chunks.ts';

export const chat = choicesWire({
  name: 'chat',
  isAlwaysParsed: true,
  choicesAsked: choicesPerPrompt,
  isChoice: ({ message }) => isRecord(message),
  // Its choices have been checked; everything else is open.
  toChunks: (answer, includeUsage) => completionToChunks(answer as unknown as ChatCompletion, { includeUsage }),
  createAssembler: () => new ChunkAssembler(),
  emptyChunk: { object: 'chat.completion.chunk', choices: [{ index: 0, delta: {}, finish_reason: null }] },
});
