/** OpenAI's text completions, the older API: choices are plain texts, and one request may hold several prompts. */
import type { Fields } from '../../bytes/json.ts';
import { assembled, COMMENT, emptyChunk, encodedChunks, hasAnyChoice, hasOnlyChoices } from '../chat/choices-wire.ts';
import { ChunkReader } from '../chat/chunk-reader.ts';
import { examine } from '../examine.ts';
import { OPENAI } from '../openai-errors.ts';
import { DONE } from '../sse.ts';
import { usageFromChat } from '../usage.ts';
import type { Wire } from '../wire.ts';
import { textCompletionToChunks, TextChunkAssembler, type TextCompletion } from './text-chunks.ts';

export const completions: Wire = {
  ...OPENAI,
  name: 'completions',
  isOpen: false,
  examine: (body, isFramed) =>
    examine(body, isFramed, {
      isAlwaysParsed: false,
      isAnswer: hasAnyChoice,
      lacking: 'answered without any choice',
      usageOf: usageFromChat,
    }),
  usageOf: usageFromChat,
  endMark: DONE,
  readEvents: (choices) => new ChunkReader(choices),
  hasTwoForms: true,
  hasUsageChunk: true,
  toEvents: (answer, includeUsage) =>
    isText(answer) ? encodedChunks(textCompletionToChunks(answer, { includeUsage })) : undefined,
  toAnswer: (events) => assembled(new TextChunkAssembler(), events),
  isSuccess: (body) => body.length > 0,
  keepAlive(mode, head) {
    if (mode === 'off') return undefined;
    if (mode === 'comment') return COMMENT;
    const choices = [{ index: 0, text: '', logprobs: null, finish_reason: null }];
    return emptyChunk(head, { object: 'text_completion', choices });
  },
};

function isText(answer: Fields): answer is Fields & TextCompletion {
  return hasOnlyChoices(answer, ({ text }) => typeof text === 'string');
}
