import type { Content, Message } from '../../../core/index.ts';

/** Tokens that frame each message, as chat templates add them. */
const PER_MESSAGE = 3;

/** A text in pieces about as long as a model's tokens. Joined they are the text again, so they serve as deltas too. */
export function tokenise(text: string): string[] {
  return text.match(/\s*[\p{L}\p{M}]{1,7}|\s*\p{N}{1,3}|\s*[^\s\p{L}\p{M}\p{N}]|\s+/gu) ?? [];
}

export function countPromptTokens(messages: readonly Message[]): number {
  return messages.reduce((sum, { content }) => sum + PER_MESSAGE + tokenise(textOf(content)).length, 0);
}

/** The text of a message's content; parts of other kinds are nothing to a provider that cannot see or hear. */
export function textOf(content: Content | undefined): string {
  if (typeof content === 'string') return content;
  return content?.map(({ text }) => (typeof text === 'string' ? text : '')).join('\n') ?? '';
}
