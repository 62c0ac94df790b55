/** Prompts of the round trip and of the merge. */
import type { Message } from '../../../core/index.ts';
import { questionBlock, withInstruction } from '../../../core/approach/index.ts';

export const DESCRIBE = `You are given a request and a program that was written for it. Describe the program as an instruction from which a programmer who
sees neither of the two could write it again: language, names and signatures, inputs and outputs, the algorithm, edge cases, messages and limits.
Describe what the program does, not what it was meant to do: where it departs from the request, so does the instruction.
Give the instruction alone, in prose, without code and without judging the program.`;

export const REWRITE = 'Write the program that the instruction asks for, complete, in fenced code blocks.';

const MERGE = `A first program for this conversation stands below. It was described in words, and from that description alone further programs were
written, without sight of the conversation. Where they differ, the first program may have a mistake, or its description missed something.
Find out which it is, and write the one final program. The conversation rules: every requirement in it must be met. The further programs are only evidence.
Give only the final program, in fenced code blocks, without mentioning the others, unless the conversation asks for something beside it.`;

/** What the describer reads: the question and the program. */
export function describersView(messages: readonly Message[], code: string): string {
  return `${questionBlock(messages)}\n\n<program>\n${code}\n</program>`;
}

/** The conversation with all programs in its system text, so that its last turn stays the question. */
export function merging(messages: readonly Message[], first: string, rewritten: readonly string[]): readonly Message[] {
  const others = rewritten.map((code) => `<rewritten_program>\n${code}\n</rewritten_program>`);
  return withInstruction(messages, [MERGE, `<first_program>\n${first}\n</first_program>`, ...others].join('\n\n'));
}
