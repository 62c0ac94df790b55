import type { ChatRequest, ContentPart, Message } from '../wire/chat/chat-types.ts';
import type { Upstreams } from '../upstream/upstreams.ts';
import { readExpression, sequence, type Expression } from './expression.ts';

const TAG = /<optillm_approach>([\s\S]*?)<\/optillm_approach>/gi;
const TAG_ROLES: ReadonlySet<string> = new Set(['system', 'developer', 'user']);
const WORD = Buffer.from('optillm_approach');
const LETTER_CASE = 0x20;

/** Horspool's table: how far the word may move when this byte stands under its last one. */
const SHIFTS = (() => {
  const shifts = new Uint8Array(256).fill(WORD.length);
  for (let i = 0; i < WORD.length - 1; i++) {
    const byte = WORD[i] ?? 0;
    shifts[byte] = WORD.length - 1 - i;
    if (byte !== 0x5f) shifts[byte & ~LETTER_CASE] = WORD.length - 1 - i;
  }
  return shifts;
})();

/** May there be a tag in these bytes? Cheap (a twelfth of the bytes is looked at), in any letter case; brackets may be escaped. */
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

export interface Untagged {
  readonly messages: readonly Message[];
  /** What the tags say, trimmed, in the order of the messages. */
  readonly tags: readonly string[];
}

/** Takes all tags out of system, developer and user texts; a system message that held nothing else goes, too. */
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

/** Blanks between a tag and the text's end belong to the tag. */
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

export interface SplitModel {
  readonly prefix: Expression | undefined;
  /** Empty where the name was nothing but prefixes. */
  readonly model: string;
}

/** Does the name begin with a listed approach? Only then is an upstream's list of models worth asking for. */
export function mayHavePrefix(model: string, isListed: (slug: string) => boolean): boolean {
  return prefixOf(model, isListed) !== undefined;
}

/**
 * Splits `re2&moa-gpt-4o` into what runs and the model. A name that an upstream lists, or that is the server's default
 * model, is never split; several prefixes are a sequence; nothing is split after `none-`.
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
    const isEscaped = model.slice(0, hyphen).trim().toLowerCase() === 'none';
    model = hyphen < 0 ? '' : model.slice(hyphen + 1);
    if (isEscaped || model === '') return { prefix, model };
  }
}

function prefixOf(model: string, isListed: (slug: string) => boolean): Expression | undefined {
  const hyphen = model.indexOf('-');
  return readExpression(hyphen < 0 ? model : model.slice(0, hyphen), isListed);
}

/** Is this exactly a model of the upstream that the name leads to? Asks the upstream's list, 1 s at most. */
export async function isListedModel(name: string, upstreams: Upstreams, signal: AbortSignal): Promise<boolean> {
  const { upstream, model } = upstreams.resolve(name);
  const models = await upstreams.models(upstream, signal);
  return models?.some(({ id }) => id === model) ?? false;
}

/** The flat option fields of a body, and `optigate` and `optillm_approach`: removed before anything goes upstream. */
export function controlFields(request: ChatRequest, flat: ReadonlyMap<string, unknown>): string[] | undefined {
  let found: string[] | undefined;
  for (const key in request) {
    if (key === 'optigate' || key === 'optillm_approach' || flat.has(key)) (found ??= []).push(key);
  }
  return found;
}
