/** Reading what a model wrote: its text, reasoning blocks, tags and code. */
import type { Message } from '../wire/chat/chat-types.ts';
import { contentText } from '../wire/chat/content.ts';

export { contentText };

/** The text of a message: its text parts joined; other parts, such as images, are left out. */
export function messageText({ content }: Pick<Message, 'content'>): string {
  return contentText(content);
}

/** `text` as further reasoning of a message: after its own `reasoning_content`, if the upstream reports that. */
export function withReasoning({ reasoning_content }: Pick<Message, 'reasoning_content'>, text: string): string {
  return typeof reasoning_content === 'string' ? `${reasoning_content}\n${text}` : text;
}

/**
 * The text without `<think>` blocks. A closing tag without an opening one removes all text before it, an opening tag
 * without a closing one all text after it: models often leave out one of the two.
 */
export function stripThinking(text: string): string {
  let rest = '';
  let at = 0;
  let isInside = false;
  for (const { 0: tag, index } of text.matchAll(/<\/?think>/gi)) {
    const isClosing = tag[1] === '/';
    if (isInside && !isClosing) continue;
    if (!isInside) rest = isClosing ? '' : rest + text.slice(at, index);
    isInside = !isClosing;
    at = index + tag.length;
  }
  return isInside ? rest : rest + text.slice(at);
}

/** The text in the last `<name>` tag, up to its closing tag or the end. Undefined if there is no such tag. */
export function tagContent(text: string, name: string): string | undefined {
  const open = `<${name}>`;
  const start = text.lastIndexOf(open);
  if (start < 0) return undefined;
  const end = text.indexOf(`</${name}>`, start);
  return text.slice(start + open.length, end < 0 ? undefined : end);
}

/** A block between Markdown fences. */
export interface CodeBlock {
  /** The word after the opening fence, in lower case; empty if there is none. */
  readonly language: string;
  readonly code: string;
}

/** The fenced blocks of a text. The last one may lack its closing fence, because the text was cut. */
export function codeBlocks(text: string): CodeBlock[] {
  return blocksIn(text).map(({ language, start, end }) => ({
    language,
    code: text.slice(start, end).replaceAll('\r\n', '\n').replace(/\n$/, ''),
  }));
}

/** The text without what `codeBlocks` finds, fences included. */
export function withoutCode(text: string): string {
  let rest = '';
  let at = 0;
  for (const { from, to } of blocksIn(text)) {
    rest += text.slice(at, from);
    at = to;
  }
  return rest + text.slice(at);
}

/** Where a block lies in a text: from its opening fence to behind its closing one, and its code between them. */
interface Place {
  readonly language: string;
  readonly from: number;
  readonly to: number;
  readonly start: number;
  readonly end: number;
}

/** Goes through the lines once. A line that is no fence costs a look at its first characters. */
function blocksIn(text: string): Place[] {
  const places: Place[] = [];
  let open: { readonly language: string; readonly fence: string; from: number; start: number } | undefined;
  for (let from = 0; from < text.length;) {
    const lineFeed = text.indexOf('\n', from);
    const to = lineFeed < 0 ? text.length : lineFeed;
    const fence = fenceAt(text, from);
    if (fence !== undefined) {
      const line = text.slice(from, to).trim();
      if (!open) {
        const info = line.slice(fence.length);
        const isOpening = lineFeed >= 0 && !info.includes('`');
        const [language = ''] = info.trimStart().split(/\s/, 1);
        if (isOpening) open = { language: language.toLowerCase(), fence, from, start: to + 1 };
      } else if (line.startsWith(open.fence) && /^[`~]*$/.test(line)) {
        places.push({ language: open.language, from: open.from, to, start: open.start, end: from });
        open = undefined;
      }
    }
    from = to + 1;
  }
  if (open)
    places.push({
      language: open.language,
      from: open.from,
      to: text.length,
      start: Math.min(open.start, text.length),
      end: text.length,
    });
  return places;
}

const FENCE = /[ \t]*(`{3,}|~{3,})/y;

/** The backticks or tildes of the fence that the line from `index` begins with; undefined if it begins otherwise. */
function fenceAt(text: string, index: number): string | undefined {
  FENCE.lastIndex = index;
  return FENCE.exec(text)?.[1];
}
