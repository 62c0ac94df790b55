/** Programs in answers, and the form in which they are compared. */
import { codeBlocks, stripThinking } from './text.ts';

/** The program in an answer: all its fenced blocks joined, or the whole text if there is no block. */
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
/** A line that is a comment. `#include`, `#!` and `--i;` are code. */
const LINE_COMMENT = /^\s*(?:#+(?:\s|$)|\/\/|--\s)/;

/** A program without what does not change it: comments on lines of their own, blank lines, blanks at the ends of lines. */
export function normalizeProgram(program: string): string {
  const lines = program.split(/\r?\n|\r/).map((line) => line.trimEnd());
  return withoutBlocks(lines)
    .filter((line) => line !== '' && !LINE_COMMENT.test(line))
    .join('\n');
}

/** The lines without block comments that begin at the start of a line and end at the end of one. */
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
