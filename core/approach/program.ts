import { codeBlocks, stripThinking } from './answer.ts';

/** Programs as answers hold them, and in the form they are compared in. */

/** The program in an answer: all its fenced blocks together, or the whole text where there is none. */
export function programOf(text: string): string {
  const visible = stripThinking(text);
  const blocks = codeBlocks(visible).map(({ code }) => code);
  return blocks.length > 0 ? blocks.join('\n') : visible.trim();
}

const BLOCK_COMMENT = /^[ \t]*(?:\/\*[\s\S]*?\*\/|<!--[\s\S]*?-->)[ \t]*$/gm;
/** Not `#include`, `#!` or `--i;`: those do something. */
const LINE_COMMENT = /^\s*(?:#+(?:\s|$)|\/\/|--\s)/;

/** A program without what changes none: comments on lines of their own, blank lines and ends of lines. */
export function normalizeProgram(program: string): string {
  const lines = program.replaceAll('\r', '').replaceAll(BLOCK_COMMENT, '').split('\n');
  return lines
    .map((line) => line.trimEnd())
    .filter((line) => line !== '' && !LINE_COMMENT.test(line))
    .join('\n');
}
