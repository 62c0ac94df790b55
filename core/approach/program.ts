/** Programs in questions and answers, and the form in which they are compared. */
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

const ASKS_FOR_CODE =
  /\b(?:write|implement|create|make|build|give|develop|generate|fix|debug|refactor|port|optimi[sz]e|complete|code)\b[^.?!\n]{0,80}\b(?:functions?|programs?|scripts?|code|class|methods?|algorithm|quer(?:y|ies)|python|javascript|typescript|java|rust|golang|c\+\+|sql|bash|regex)(?!\w)/i;

/** A line that is a statement in a common language. */
const CODE_LINE =
  /^\s*(?:(?:async )?def \w+\(|(?:export |async |pub )*(?:function|fn|func) \w+\s?[(<]|(?:public|private|protected|static) .*[({]|#include\b|import (?:[{*"']|[\w.]+(?:[;,]|$| as\b| from\b))|from \w[\w.]* import\b|(?:const|let|var) \w+ ?[:=]|class \w+\b.*[:{]$|package \w+;?$|using [\w.]+;$|(?:SELECT|select) .+ (?:FROM|from)\b)/;

/** Does a question ask for a program? */
export function asksForCode(question: string): boolean {
  return ASKS_FOR_CODE.test(question);
}

/** Does a text hold code: a fenced block, or a line that is a statement? */
export function hasCode(text: string): boolean {
  return codeBlocks(text).length > 0 || text.split('\n').some((line) => CODE_LINE.test(line));
}

/** Does a text have all its code in closed blocks, so that only words after them can be missing? False without a block. */
export function endsWhole(text: string): boolean {
  const fences = stripThinking(text).match(/^[ \t]*(?:`{3,}|~{3,})/gm) ?? [];
  return fences.length > 0 && fences.length % 2 === 0;
}
