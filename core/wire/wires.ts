/** The built-in wires by name. A provider whose API has a format of its own brings another. */
import { chat } from './chat/chat.ts';
import { completions } from './completions/completions.ts';
import { embeddings } from './embeddings.ts';
import { messages } from './messages/messages.ts';
import { plain, plainMessages } from './plain.ts';
import { responses } from './responses/responses.ts';
import type { Wire } from './wire.ts';

/** The built-in wires by name. */
export const wires = Object.freeze({
  chat,
  completions,
  embeddings,
  responses,
  messages,
  /** An open wire, whose answers are passed on unread. */
  plain,
  /** The same for paths beside `/v1/messages`: errors have Anthropic's shape. */
  plainMessages,
}) satisfies Readonly<Record<string, Wire>>;
