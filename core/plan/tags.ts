/** Tags in messages that select an approach: `<optillm_approach>re2</optillm_approach>`. Finds and removes them. */
import type { ContentPart, Message } from '../wire/chat/chat-types.ts';

/**
 * Which tags select: `start` = one that opens the last user message, else one that opens a system message; `anywhere` =
 * any in a user's or system message; false = none.
 */
export type TagPlace = 'start' | 'anywhere' | false;

const OPENING = /\s*<optillm_approach>([^<]*)<\/optillm_approach>\s*/iy;
const ANYWHERE = /<optillm_approach>([^<]*)<\/optillm_approach>/gi;
const TAG_ROLES: ReadonlySet<unknown> = new Set(['system', 'developer', 'user']);
const WORD = Buffer.from('optillm_approach');
const LETTER_CASE = 0x20;

/** Boyer–Moore–Horspool: how many bytes the search may skip if it finds this byte where the word would end. */
const SHIFTS = (() => {
  const shifts = new Uint8Array(256).fill(WORD.length);
  for (let i = 0; i < WORD.length - 1; i++) {
    const byte = WORD[i] ?? 0;
    shifts[byte] = WORD.length - 1 - i;
    if (byte !== 0x5f) shifts[byte & ~LETTER_CASE] = WORD.length - 1 - i;
  }
  return shifts;
})();

/**
 * Can these bytes hold a tag? True if its name occurs in any letter case: its brackets may be escaped. Cheap, since the
 * search skips: it looks at about a twelfth of the bytes.
 */
export function mayHaveTag(bytes: Buffer): boolean {
  const last = WORD.length - 1;
  for (let end = last; end < bytes.length; end += SHIFTS[bytes[end] ?? 0] ?? 1) {
    let i = last;
    while (i >= 0 && isSameLetter(bytes[end - last + i], WORD[i])) i--;
    if (i < 0) return true;
  }
  return false;
}

function isSameLetter(byte: number | undefined, letter: number | undefined): boolean {
  return byte === letter || (letter !== 0x5f && byte !== undefined && (byte | LETTER_CASE) === letter);
}

/** Messages without their tags. */
export interface Untagged {
  /** The given array itself if no tag was removed. */
  readonly messages: readonly Message[];
  /** The contents of the tags that select, trimmed, the strongest first. */
  readonly tags: readonly string[];
}

/** A message whose tags were removed, and what they held. */
interface Stripped<T> {
  readonly rest: T;
  readonly tags: readonly string[];
}

/**
 * Removes the tags that open a user's, system or developer text, wherever in the conversation, so that history stays
 * the same from turn to turn; with `anywhere` all tags in such texts. All others are text. A system or developer message
 * that held nothing but tags is removed; a user message stays, empty.
 */
export function withoutTags(messages: readonly Message[], place: TagPlace): Untagged {
  const found: { readonly message: Message; readonly tags: readonly string[] }[] = [];
  const clean: Message[] = [];
  for (const message of messages) {
    const stripped = TAG_ROLES.has(message?.role) ? strippedMessage(message, place === 'anywhere') : undefined;
    if (!stripped) {
      clean.push(message);
      continue;
    }
    found.push({ message, tags: stripped.tags });
    if (message.role === 'user' || !isEmpty(stripped.rest)) clean.push(stripped.rest);
  }
  if (found.length === 0) return { messages, tags: [] };
  const lastOfUser = messages.findLast((message) => message?.role === 'user');
  const selecting = {
    start: [
      ...found.filter(({ message }) => message === lastOfUser),
      ...found.filter(({ message }) => message.role !== 'user'),
    ],
    anywhere: found,
  };
  return { messages: clean, tags: place === false ? [] : selecting[place].flatMap(({ tags }) => tags) };
}

/** Is a tag left in a user's, system or developer text? */
export function hasTag(messages: readonly Message[]): boolean {
  const isIn = (text: unknown) => typeof text === 'string' && text.search(ANYWHERE) >= 0;
  return messages.some(
    (message) =>
      TAG_ROLES.has(message?.role) &&
      (Array.isArray(message.content)
        ? message.content.some((part: ContentPart) => isIn(part?.text))
        : isIn(message.content)),
  );
}

/** Undefined if the message holds no tag to remove. */
function strippedMessage(message: Message, isAnywhere: boolean): Stripped<Message> | undefined {
  const { content } = message;
  const strip = isAnywhere ? withoutAny : withoutOpening;
  if (typeof content === 'string') {
    const { rest, tags } = strip(content);
    return tags.length > 0 ? { rest: { ...message, content: rest }, tags } : undefined;
  }
  if (!Array.isArray(content)) return undefined;
  const tags: string[] = [];
  let isFirst = true;
  const parts = content.flatMap((part: ContentPart) => {
    if (part?.type !== 'text' || typeof part.text !== 'string' || !(isAnywhere || isFirst)) return [part];
    isFirst = false;
    const stripped = strip(part.text);
    if (stripped.tags.length === 0) return [part];
    tags.push(...stripped.tags);
    return [{ ...part, text: stripped.rest }];
  });
  return tags.length > 0 ? { rest: { ...message, content: parts }, tags } : undefined;
}

/** The text without the tags at its beginning, and the blanks around them. */
function withoutOpening(text: string): Stripped<string> {
  const tags: string[] = [];
  let end = 0;
  for (OPENING.lastIndex = 0; ; end = OPENING.lastIndex) {
    const match = OPENING.exec(text);
    if (!match) return { rest: text.slice(end), tags };
    tags.push(match[1]?.trim() ?? '');
  }
}

/** The text without any tag. If a tag begins or ends the text, the blanks next to it are removed with it. */
function withoutAny(text: string): Stripped<string> {
  const matches = [...text.matchAll(ANYWHERE)];
  const [first, last] = [matches[0], matches.at(-1)];
  if (!first || !last) return { rest: text, tags: [] };
  const tags = matches.map(([, value = '']) => value.trim());
  let rest = text.replaceAll(ANYWHERE, '');
  if (text.slice(0, first.index).trim() === '') rest = rest.trimStart();
  if (text.slice(last.index + last[0].length).trim() === '') rest = rest.trimEnd();
  return { rest, tags };
}

function isEmpty({ content }: Message): boolean {
  return content === '' || (Array.isArray(content) && content.every((part: ContentPart) => part.text === ''));
}
