/** Prompts of the round trip and of the merge. */
import type { Message } from '../../../core/index.ts';
import { questionBlock, withInstruction, delimited } from '../../../core/approach/index.ts';

export const DESCRIBE = `You are given a request and a program that was written for it. Describe the task as an instruction from which a programmer who
sees neither of the two could write such a program: language, names and signatures, inputs and outputs, edge cases, messages and limits.
The request says what is asked. The program only illustrates it: take names, forms and what else the request leaves open from it, but nothing in
which it departs from the request, for it may be wrong. Name an algorithm only where the request does.
Give the instruction alone, in prose, without code and without judging the program.`;

export const REWRITE = 'Write the program that the instruction asks for, complete, in fenced code blocks.';

const MERGE = `A first program for this conversation stands below. The task was then described in words, and from each description alone a further
program was written, without sight of the conversation or of the first program. Where programs differ, one of them has a mistake, or its description
missed something. Find out which it is, and write the one final program. The conversation rules: every requirement in it must be met. Descriptions and further programs are only evidence.
Give only the final program, in fenced code blocks, without mentioning the others, unless the conversation asks for something beside it.`;

/** What the describer reads: the question and the program. */
export function describersView(messages: readonly Message[], code: string): string {
  return `${questionBlock(messages)}\n\n${delimited('program', code)}`;
}

/** A program that was written from a description alone. */
export interface Rewritten {
  readonly description: string;
  readonly program: string;
}

/** The conversation with all that was written in its system text, so that its last turn stays the question. */
export function merging(
  messages: readonly Message[],
  first: string,
  rewritten: readonly Rewritten[],
): readonly Message[] {
  const others = rewritten.flatMap(({ description, program }) => [
    delimited('description', description),
    delimited('rewritten_program', program),
  ]);
  return withInstruction(messages, [MERGE, delimited('first_program', first), ...others].join('\n\n'));
}
