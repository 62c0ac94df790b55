/** OpenAI's chat completions, the wire that approaches work with. */
import { isRecord, type Fields } from '../../bytes/json.ts';
import { examine } from '../examine.ts';
import { OPENAI } from '../openai-errors.ts';
import { DONE } from '../sse.ts';
import { usageFromChat } from '../usage.ts';
import type { ChunkIdentity, KeepAliveMode, Wire } from '../wire.ts';
import type { ChatCompletion } from './chat-types.ts';
import { ChunkAssembler } from './chunk-assembler.ts';
import { ChunkReader } from './chunk-reader.ts';
import { assembled, COMMENT, emptyChunk, encodedChunks, hasAnyChoice, hasOnlyChoices } from './choices-wire.ts';
import { completionToChunks } from './completion-chunks.ts';

export const chat: Wire = {
  ...OPENAI,
  name: 'chat',
  isOpen: false,
  examine: (body, isFramed) =>
    examine(body, isFramed, {
      isAlwaysParsed: true,
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
    isChat(answer) ? encodedChunks(completionToChunks(answer, { includeUsage })) : undefined,
  toAnswer: (events) => assembled(new ChunkAssembler(), events),
  isSuccess: (body) => body.length > 0,
  keepAlive: (mode, head) => chatKeepAlive(mode, head),
};

function chatKeepAlive(mode: KeepAliveMode, head: ChunkIdentity | undefined): Buffer | undefined {
  if (mode === 'off') return undefined;
  if (mode === 'comment') return COMMENT;
  return emptyChunk(head, {
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta: {}, finish_reason: null }],
  });
}

function isChat(answer: Fields): answer is Fields & ChatCompletion {
  return hasOnlyChoices(answer, ({ message }) => isRecord(message));
}
