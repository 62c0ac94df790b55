/** Reading the model's formulation of a question: is a solver of use, the program, and the words around it. */
import { codeBlocks, stripThinking, withoutCode } from '../../../core/approach/index.ts';

/** What a reply to the analysis prompt says. */
export interface Formulation {
  /** Does the model say that a solver can help? False if it says nothing. */
  readonly isApplicable: boolean;
  /** Undefined if there is none, or it was cut off. */
  readonly program: string | undefined;
  readonly isTruncated: boolean;
  /** The reply's text without the program; may be empty. */
  readonly analysis: string;
}

const APPLICABLE = /SOLVER[\s_\\]+CAN[\s_\\]+BE[\s_\\]+APPLIED[\W_]*(true|false)\b/gi;
const LABEL = /^.*SOLVER[\s_\\]+FORMULATION.*$/gim;
const FENCE = /^[ \t]*(?:`{3,}|~{3,})/gm;
const FENCE_LINE = /^[ \t]*(?:`{3,}|~{3,}).*$/gm;
const SMT_LIB: ReadonlySet<string> = new Set(['smt2', 'smtlib', 'lisp']);

/** Reads the reply to the analysis prompt; of an empty reply, nothing is applicable. */
export function readFormulation(reply: string): Formulation {
  const text = stripThinking(reply).replaceAll('\r\n', '\n');
  const verdict = [...text.matchAll(APPLICABLE)].at(-1)?.[1]?.toLowerCase();
  return { isApplicable: verdict === 'true', ...readProgram(text), analysis: analysisIn(text) };
}

/**
 * The program in a reply: the first block tagged as SMT-LIB, else the first one that begins with a parenthesis, else the
 * first of all. If that is in another language, the solver's error says so, and the model repairs it.
 */
export function readProgram(reply: string): Pick<Formulation, 'program' | 'isTruncated'> {
  const text = stripThinking(reply);
  const blocks = codeBlocks(text);
  const chosen =
    blocks.find(({ language }) => SMT_LIB.has(language)) ??
    blocks.find(({ code }) => code.trimStart().startsWith('(')) ??
    blocks[0];
  const isOpen = (text.match(FENCE)?.length ?? 0) % 2 === 1;
  const isTruncated = isOpen && chosen !== undefined && chosen === blocks.at(-1);
  const isProgram = chosen !== undefined && chosen.code.trim() !== '' && !isTruncated;
  return { program: isProgram ? chosen.code : undefined, isTruncated };
}

function analysisIn(text: string): string {
  return withoutCode(text)
    .replaceAll(FENCE_LINE, '')
    .replaceAll(APPLICABLE, '')
    .replaceAll(LABEL, '')
    .replaceAll(/\n{3,}/g, '\n\n')
    .trim();
}
