import type { Content, Message } from '../../../core/index.ts';

/** Tokens that a chat template adds to each message. */
const PER_MESSAGE = 3;

/**
 * Splits a text into pieces about as long as a model's tokens. Joined they are the text again, so they serve as deltas.
 */
export function tokenise(text: string): string[] {
  return text.match(/\s*[\p{L}\p{M}]{1,7}|\s*\p{N}{1,3}|\s*[^\s\p{L}\p{M}\p{N}]|\s+/gu) ?? [];
}

/** How many tokens a prompt of these messages has; at least a few per message. */
export function countPromptTokens(messages: readonly Message[]): number {
  return messages.reduce((sum, { content }) => sum + PER_MESSAGE + tokenise(textOf(content)).length, 0);
}

/** The text of a message's content. Images and other parts count as empty texts. */
export function textOf(content: Content | undefined): string {
  if (typeof content === 'string') return content;
  return content?.map(({ text }) => (typeof text === 'string' ? text : '')).join('\n') ?? '';
}
