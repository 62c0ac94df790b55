/** Open wires: answers are passed on unread. For files, audio, lists, and every path that is only forwarded. */
import { ANTHROPIC } from './anthropic-errors.ts';
import { COMMENT } from './chat/choices-wire.ts';
import { OpenReader } from './event-reader.ts';
import { OPENAI } from './openai-errors.ts';
import type { Wire } from './wire.ts';

const UNREAD = {
  isOpen: true,
  examine: () => ({ kind: 'answer', value: undefined, usage: undefined }),
  endMark: undefined,
  readEvents: () => new OpenReader(),
  hasTwoForms: false,
  hasUsageChunk: false,
  toEvents: () => undefined,
  toAnswer: () => undefined,
  isSuccess: (body) => body.length > 0,
  keepAlive: (mode) => (mode === 'off' ? undefined : COMMENT),
} satisfies Partial<Wire>;

/** Unread answers of OpenAI's API. */
export const plain: Wire = { ...OPENAI, ...UNREAD, name: 'plain' };

/** Unread answers of Anthropic's API: those of paths beside `/v1/messages`, such as batches. */
export const plainMessages: Wire = { ...ANTHROPIC, ...UNREAD, name: 'plain messages' };
