/** Reading what a model wrote: its text, reasoning blocks, tags and code. */
import type { Content, ContentPart, Message } from '../wire/chat/chat-types.ts';

/** The text of a message: its text parts joined; other parts, such as images, are left out. */
export function messageText({ content }: Pick<Message, 'content'>): string {
  return contentText(content);
}

/** `text` as further reasoning of a message: after its own `reasoning_content`, if the upstream reports that. */
export function withReasoning({ reasoning_content }: Pick<Message, 'reasoning_content'>, text: string): string {
  return typeof reasoning_content === 'string' ? `${reasoning_content}\n${text}` : text;
}

/** The text of a message's content, which is a string or parts; `glue` stands between text parts. */
export function contentText(content: Content | undefined, glue = ''): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  const texts = content.flatMap((part: ContentPart) => (typeof part?.text === 'string' ? [part.text] : []));
  return texts.join(glue);
}

/**
 * The text without `<think>` blocks. A closing tag without an opening one removes all text before it, an opening tag
 * without a closing one all text after it: models often leave out one of the two.
 */
export function stripThinking(text: string): string {
  let rest = '';
  let at = 0;
  while (at <= text.length) {
    const open = indexOfTag(text, '<think>', at);
    const close = indexOfTag(text, '</think>', at);
    if (close >= 0 && (open < 0 || close < open)) {
      rest = '';
      at = close + '</think>'.length;
      continue;
    }
    if (open < 0) return rest + text.slice(at);
    rest += text.slice(at, open);
    const end = indexOfTag(text, '</think>', open);
    if (end < 0) return rest;
    at = end + '</think>'.length;
  }
  return rest;
}

function indexOfTag(text: string, tag: string, from: number): number {
  const exact = text.indexOf(tag, from);
  if (exact >= 0 || !text.includes('<')) return exact;
  return text.toLowerCase().indexOf(tag, from);
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
  const blocks: CodeBlock[] = [];
  const fences = /^[ \t]*(`{3,}|~{3,})[ \t]*([^\s`]*)[^\n`]*\r?\n([\s\S]*?)(?:^[ \t]*\1[`~]*[ \t]*\r?$|$(?![\s\S]))/gm;
  for (const [, , language = '', code = ''] of text.matchAll(fences)) {
    blocks.push({ language: language.toLowerCase(), code: code.replaceAll('\r\n', '\n').replace(/\n$/, '') });
  }
  return blocks;
}
