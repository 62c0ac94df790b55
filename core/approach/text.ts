import type { Content, ContentPart, Message } from '../wire/chat/chat-types.ts';

/**
 * Reading what a model wrote: reasoning blocks, tags, code, and the final answer. One
 * implementation for all approaches.
 */

/** The text of a message: its text parts joined, nothing for other parts. */
export function messageText({ content }: Pick<Message, 'content'>): string {
  return contentText(content);
}

export function contentText(content: Content | undefined, glue = ''): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  const texts = content.flatMap((part: ContentPart) => (typeof part?.text === 'string' ? [part.text] : []));
  return texts.join(glue);
}

/**
 * The text without `<think>` blocks: complete ones go; a closing tag without an opening one takes all before it, an
 * unclosed opening one all after it.
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

/** What stands in the last `<name>` of the text, to its closing tag or the end. Undefined without the tag. */
export function tagContent(text: string, name: string): string | undefined {
  const open = `<${name}>`;
  const start = text.lastIndexOf(open);
  if (start < 0) return undefined;
  const end = text.indexOf(`</${name}>`, start);
  return text.slice(start + open.length, end < 0 ? undefined : end);
}

export interface CodeBlock {
  /** The word after the fence, lower case; empty where there is none. */
  readonly language: string;
  readonly code: string;
}

/** Fenced blocks; the last one's closing fence may be missing. */
export function codeBlocks(text: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  const fences = /^[ \t]*(`{3,}|~{3,})[ \t]*([^\s`]*)[^\n`]*\r?\n([\s\S]*?)(?:^[ \t]*\1[`~]*[ \t]*\r?$|$(?![\s\S]))/gm;
  for (const [, , language = '', code = ''] of text.matchAll(fences)) {
    blocks.push({ language: language.toLowerCase(), code: code.replaceAll('\r\n', '\n').replace(/\n$/, '') });
  }
  return blocks;
}
