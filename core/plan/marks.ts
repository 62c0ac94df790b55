/**
 * The marks by which a request selects an approach: tags in its messages, prefixes of its model's name, and fields of
 * its body. Finds them, reads them, and removes them.
 */
import type { Upstreams } from '../upstream/upstreams.ts';
import type { ChatRequest, ContentPart, Message } from '../wire/chat/chat-types.ts';
import { readExpression, sequence, type Expression } from './expression.ts';

const TAG = /<optillm_approach>([\s\S]*?)<\/optillm_approach>/gi;
const TAG_ROLES: ReadonlySet<string> = new Set(['system', 'developer', 'user']);
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
  /** The given array itself if there were no tags. */
  readonly messages: readonly Message[];
  /** The contents of the tags, trimmed, in the order of the messages. */
  readonly tags: readonly string[];
}

/**
 * Removes all tags from system, developer and user texts. A system or developer message that held nothing but tags is
 * removed; a user message stays, empty.
 */
export function withoutTags(messages: readonly Message[]): Untagged {
  const tags: string[] = [];
  const clean: Message[] = [];
  for (const message of messages) {
    const before = tags.length;
    const stripped = TAG_ROLES.has(message?.role) ? strippedMessage(message, tags) : message;
    const isGone = tags.length > before && stripped.role !== 'user' && isEmpty(stripped);
    if (!isGone) clean.push(stripped);
  }
  return { messages: tags.length > 0 ? clean : messages, tags };
}

function strippedMessage(message: Message, tags: string[]): Message {
  const { content } = message;
  const before = tags.length;
  let changed = content;
  if (typeof content === 'string') changed = strippedText(content, tags);
  else if (Array.isArray(content)) changed = content.map((part: ContentPart) => strippedPart(part, tags));
  return tags.length > before && changed !== undefined ? { ...message, content: changed } : message;
}

function strippedPart(part: ContentPart, tags: string[]): ContentPart {
  if (part?.type !== 'text' || typeof part.text !== 'string') return part;
  const text = strippedText(part.text, tags);
  return text === part.text ? part : { ...part, text };
}

/** If a tag begins or ends the text, the blanks next to it are removed with it. */
function strippedText(text: string, tags: string[]): string {
  const rest = text.replace(TAG, (_, value: string) => {
    tags.push(value.trim());
    return '';
  });
  if (rest === text) return text;
  const isAtStart = /^\s*<optillm_approach>/i.test(text);
  const isAtEnd = /<\/optillm_approach>\s*$/i.test(text);
  const start = isAtStart ? rest.trimStart() : rest;
  return isAtEnd ? start.trimEnd() : start;
}

function isEmpty({ content }: Message): boolean {
  return content === '' || (Array.isArray(content) && content.every((part: ContentPart) => part.text === ''));
}

/** A model's name, split into the approaches before it and the model. */
export interface SplitModel {
  readonly prefix: Expression | undefined;
  /** Empty if the name consists of prefixes only. */
  readonly model: string;
}

/** Does the name begin with a listed approach? Only then does the upstream's list of models have to be fetched. */
export function mayHavePrefix(model: string, isListed: (slug: string) => boolean): boolean {
  return prefixOf(model, isListed) !== undefined;
}

/**
 * Splits `re2&moa-gpt-4o` into `re2&moa` and `gpt-4o`. Several prefixes are a sequence: `re2-moa-gpt-4o`. The prefix
 * `none-` ends the splitting, and a name or rest that `isModel` knows is never split.
 */
export async function splitModel(
  name: string,
  isListed: (slug: string) => boolean,
  isModel: (model: string) => Promise<boolean>,
): Promise<SplitModel> {
  let model = name;
  let prefix: Expression | undefined;
  for (;;) {
    const found = prefixOf(model, isListed);
    if (!found || (await isModel(model))) return { prefix, model };
    prefix = prefix ? sequence(prefix, found) : found;
    const hyphen = model.indexOf('-');
    const isNone = model.slice(0, hyphen).trim().toLowerCase() === 'none';
    model = hyphen < 0 ? '' : model.slice(hyphen + 1);
    if (isNone || model === '') return { prefix, model };
  }
}

function prefixOf(model: string, isListed: (slug: string) => boolean): Expression | undefined {
  const hyphen = model.indexOf('-');
  return readExpression(hyphen < 0 ? model : model.slice(0, hyphen), isListed);
}

/** Does the upstream that the name leads to list exactly this model? Waits 1 s at most for the list, then says no. */
export async function isListedModel(name: string, upstreams: Upstreams, signal: AbortSignal): Promise<boolean> {
  const { upstream, model } = upstreams.resolve(name);
  const models = await upstreams.models(upstream, signal);
  return models?.some(({ id }) => id === model) ?? false;
}

/**
 * The names of a body's fields that are meant for this program: `optigate`, `optillm_approach` and flat options. They
 * are removed before the request goes upstream. Undefined if there are none.
 */
export function controlFields(request: ChatRequest, flat: ReadonlyMap<string, unknown>): string[] | undefined {
  let found: string[] | undefined;
  for (const key in request) {
    if (key === 'optigate' || key === 'optillm_approach' || flat.has(key)) (found ??= []).push(key);
  }
  return found;
}
