/** The wires that come along, by name. A provider of an API of its own brings another. */
import { chat } from './chat/chat.ts';
import { completions } from './completions/completions.ts';
import { embeddings } from './embeddings.ts';
import { messages } from './messages/messages.ts';
import { plain, plainMessages } from './plain.ts';
import { responses } from './responses/responses.ts';
import type { Wire } from './wire.ts';

export const wires = Object.freeze({
  chat,
  completions,
  embeddings,
  responses,
  messages,
  /** Whatever is passed on without being looked at. */
  plain,
  /** The same beside `/v1/messages`: its errors have Anthropic's shape. */
  plainMessages,
}) satisfies Readonly<Record<string, Wire>>;
