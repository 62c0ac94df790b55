/** What a model's formulation of the question consists of. */
import { codeBlocks, stripThinking } from '../../../core/approach/index.ts';

export interface Formulation {
  readonly isApplicable: boolean;
  /** Undefined where there is none, or it was cut. */
  readonly program: string | undefined;
  readonly isTruncated: boolean;
  /** What was said beside the program. */
  readonly analysis: string;
}

const APPLICABLE = /SOLVER[\s_\\]+CAN[\s_\\]+BE[\s_\\]+APPLIED[\W_]*(true|false)\b/gi;
const LABEL = /^.*SOLVER[\s_\\]+FORMULATION.*$/gim;
const FENCE = /^[ \t]*(?:`{3,}|~{3,})/gm;
const FENCE_LINE = /^[ \t]*(?:`{3,}|~{3,}).*$/gm;
const SMT_LIB: ReadonlySet<string> = new Set(['smt2', 'smtlib', 'lisp']);

export function readFormulation(reply: string): Formulation {
  const text = stripThinking(reply).replaceAll('\r\n', '\n');
  const verdict = [...text.matchAll(APPLICABLE)].at(-1)?.[1]?.toLowerCase();
  return { isApplicable: verdict === 'true', ...readProgram(text), analysis: analysisIn(text) };
}

/**
 * The first block tagged as SMT-LIB, else the first one that looks like it, else the first of all: that it is in the wrong
 * language, the solver's parser says best.
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
  const prose = codeBlocks(text).reduce((rest, { code }) => rest.replace(code, ''), text);
  return prose
    .replaceAll(FENCE_LINE, '')
    .replaceAll(APPLICABLE, '')
    .replaceAll(LABEL, '')
    .replaceAll(/\n{3,}/g, '\n\n')
    .trim();
}
