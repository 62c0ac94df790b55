/** What a question asks for: a program, and in which language, or something else. */
import { codeBlocks } from '../../../core/approach/index.ts';

/** What is planned. */
export type Task = { readonly kind: 'program'; readonly language: string } | { readonly kind: 'other' };

/** One of these words makes a question about programming. */
const STRONG =
  /\b(?:programs?|programming|code|coding|functions?|algorithms?|implement\w*|scripts?|leetcode|codeforces|stdin|stdout|regex|sql|compile\w*|refactor\w*|debug\w*|recurs\w+|test cases?|time complexity|o\(\w)|c\+\+|c#/i;

/** Two different ones of these words do: each is also used outside of programming. */
const WEAK =
  /\b(?:arrays?|lists?|strings?|integers?|numbers|characters?|input|output|sort\w*|trees?|graphs?|nodes?|edges|matrix|grid|quer(?:y|ies)|class|methods?|returns?|given|constraints|subarrays?|subsequences?|substrings?|permutations?|modulo|indices|minimum|maximum|api|parse\w*|loops?)\b/gi;

const LANGUAGES: Readonly<Record<string, string>> = {
  Python: 'python',
  JavaScript: 'javascript|node\\.?js',
  TypeScript: 'typescript',
  Java: 'java',
  Kotlin: 'kotlin',
  Scala: 'scala',
  Rust: 'rust',
  'C++': 'c\\+\\+|cpp',
  'C#': 'c#|csharp',
  'F#': 'f#|fsharp',
  Go: 'golang',
  Ruby: 'ruby',
  PHP: 'php',
  Perl: 'perl',
  Lua: 'lua',
  Haskell: 'haskell',
  OCaml: 'ocaml',
  Elixir: 'elixir',
  Clojure: 'clojure',
  Julia: 'julia',
  Zig: 'zig',
  Bash: 'bash',
  PowerShell: 'powershell',
  SQL: 'sql',
};
/** Languages whose names have other meanings as well: they count only after "in", "to" and the like. */
const AMBIGUOUS: Readonly<Record<string, string>> = { Go: 'Go', C: 'C', R: 'R', D: 'D', Swift: 'Swift', Dart: 'Dart' };

const WORD_ENDS = '(?![\\w+#])';

/** Is this a question about programming: does it hold code, or words of programming? */
export function isProgramming(question: string): boolean {
  if (codeBlocks(question).length > 0 || STRONG.test(question) || languageIn(question) !== undefined) return true;
  const words = (question.match(WEAK) ?? []).map((word) => word.toLowerCase());
  return new Set(words).size >= 2;
}

/**
 * The language that a text asks for: the last one named as "in …" or "to …", else the first one mentioned. Undefined if
 * there is none.
 */
export function languageIn(text: string): string | undefined {
  const asked = (word: string, flags: string) =>
    lastIndex(
      text,
      `\\b(?:in|into|to|using|with)\\s+(?:the\\s+|idiomatic\\s+|modern\\s+)?(?:${word})${WORD_ENDS}`,
      flags,
    );
  const named = [
    ...Object.entries(LANGUAGES).map(([name, word]) => ({ name, at: asked(word, 'gi') })),
    ...Object.entries(AMBIGUOUS).map(([name, word]) => ({ name, at: asked(word, 'g') })),
  ];
  const [last] = named.filter(({ at }) => at >= 0).toSorted((a, b) => b.at - a.at);
  if (last) return last.name;
  const mentions = Object.entries(LANGUAGES).map(([name, word]) => ({
    name,
    at: text.search(new RegExp(`(?<!\\w)(?:${word})${WORD_ENDS}`, 'i')),
  }));
  return mentions.filter(({ at }) => at >= 0).toSorted((a, b) => a.at - b.at)[0]?.name;
}

function lastIndex(text: string, pattern: string, flags: string): number {
  return [...text.matchAll(new RegExp(pattern, flags))].at(-1)?.index ?? -1;
}
