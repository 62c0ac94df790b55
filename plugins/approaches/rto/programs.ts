/** Whether a text holds a program, whether that is whole, and whether two programs are the same. */
import { codeBlocks, normalizeProgram, stripThinking } from '../../../core/approach/index.ts';

/**
 * How programs are compared. `normalized` ignores comments on lines of their own, blank lines and blanks at the ends of
 * lines.
 */
export type Similarity = 'exact' | 'normalized';

/** Are two programs the same text, as far as `similarity` looks? */
export function isSameProgram(a: string, b: string, similarity: Similarity): boolean {
  if (similarity === 'exact') return a.trim() === b.trim();
  return normalizeProgram(a) === normalizeProgram(b);
}

/** Is this about code: does the answer or the question hold any, or does the question ask for some? */
export function isAboutCode(question: string, answer: string): boolean {
  const visible = stripThinking(answer);
  return codeBlocks(visible).length > 0 || hasCode(visible) || hasCode(question) || ASKS_FOR_CODE.test(question);
}

const ASKS_FOR_CODE =
  /\b(?:write|implement|create|make|build|give|develop|generate|fix|debug|refactor|port|optimi[sz]e|complete|code)\b[^.?!\n]{0,80}\b(?:functions?|programs?|scripts?|code|class|methods?|algorithm|quer(?:y|ies)|python|javascript|typescript|java|rust|golang|c\+\+|sql|bash|regex)(?!\w)/i;

/** A line that is a statement in a common language. */
const CODE_LINE =
  /^\s*(?:(?:async )?def \w+\(|(?:export |async |pub )*(?:function|fn|func) \w+\s?[(<]|(?:public|private|protected|static) .*[({]|#include\b|import (?:[{*"']|[\w.]+(?:[;,]|$| as\b| from\b))|from \w[\w.]* import\b|(?:const|let|var) \w+ ?[:=]|class \w+\b.*[:{]$|package \w+;?$|using [\w.]+;$|(?:SELECT|select) .+ (?:FROM|from)\b)/;

function hasCode(text: string): boolean {
  return codeBlocks(text).length > 0 || text.split('\n').some((line) => CODE_LINE.test(line));
}

/** Does a text that was cut have all its code in closed blocks, so that only words after them are missing? */
export function endsWhole(text: string): boolean {
  const fences = stripThinking(text).match(/^[ \t]*(?:`{3,}|~{3,})/gm) ?? [];
  return fences.length > 0 && fences.length % 2 === 0;
}
