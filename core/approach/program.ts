import { codeBlocks, stripThinking } from './text.ts';

/** Programs as answers hold them, and in the form they are compared in. */

/** The program in an answer: all its fenced blocks together, or the whole text where there is none. */
export function programOf(text: string): string {
  const visible = stripThinking(text);
  const blocks = codeBlocks(visible).map(({ code }) => code);
  return blocks.length > 0 ? blocks.join('\n') : visible.trim();
}

/** Comments that may go over several lines. */
const BLOCKS = [
  { open: '/*', close: '*/' },
  { open: '<!--', close: '-->' },
] as const;
/** Not `#include`, `#!` or `--i;`: those do something. */
const LINE_COMMENT = /^\s*(?:#+(?:\s|$)|\/\/|--\s)/;

/** A program without what changes none: comments on lines of their own, blank lines and ends of lines. */
export function normalizeProgram(program: string): string {
  const lines = program.split(/\r?\n|\r/).map((line) => line.trimEnd());
  return withoutBlocks(lines)
    .filter((line) => line !== '' && !LINE_COMMENT.test(line))
    .join('\n');
}

/** Without the comments that begin a line and end one. */
function withoutBlocks(lines: readonly string[]): string[] {
  let closing: string | undefined;
  return lines.filter((line) => {
    const opened = closing ?? BLOCKS.find(({ open }) => line.trimStart().startsWith(open))?.close;
    if (opened === undefined) return true;
    const at = line.indexOf(opened);
    closing = at < 0 ? opened : undefined;
    return at >= 0 && at + opened.length < line.length;
  });
}
