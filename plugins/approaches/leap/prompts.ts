/**
 * Prompts of all steps. All replies but the last are parsed, so that the client's system text is shown to these steps
 * as material only.
 */
import type { Message } from '../../../core/index.ts';
import { withInstruction, delimited } from '../../../core/approach/index.ts';
import type { Example } from './examples.ts';

export const EXTRACT = `You are given a request. Find out whether it holds worked examples of its task: questions, or inputs, together with the answers expected
for them. The question that is really asked has no answer yet and is no example.
Copy each example literally into a JSON array of objects with the texts "question" and "answer", between output tags:
<output>
[{"question": "…", "answer": "…"}]
</output>
Without any example give an empty array. Nothing but the JSON may stand between the tags.`;

const ANSWER_FORM = 'Give the final answer alone between output tags: <output>…</output>';

export const ERR = `Solve the question step by step, but make one plausible mistake on the way, as a careless solver might, so that the final answer is wrong.
Do not point the mistake out. ${ANSWER_FORM}`;

export const SOLVE = `Solve the question step by step. ${ANSWER_FORM}`;

export const REFLECT = `You are given a question, a wrong solution of it, and the right answer. Work out why the solution is wrong. Then state general
principles that would prevent such a mistake in other questions of this kind, without reference to this one.
Give only the principles between output tags, one per line: <output>…</output>`;

/** @param count  The most principles that the list may have. */
export function condensing(count: number): string {
  return `You are given principles that were learned from mistakes. Make one list of them: unique, clear, general, the most useful first, at most
${count}. Give only the list between output tags, numbered, one principle per line: <output>…</output>`;
}

const APPLY = `Keep these principles in mind while you answer. They were learned from mistakes in tasks like this one; do not mention them.`;

/** An example's question, without its answer, after the task. */
export function questionView(task: string, { question }: Example): string {
  return `${taskBlock(task)}${delimited('question', question)}`;
}

/** A solution of an example, split into its reasoning and its final answer. */
export interface Solution {
  readonly reasoning: string;
  readonly answer: string;
}

/** An example with a wrong solution and the right answer. */
export function mistakeView(task: string, example: Example, wrong: Solution): string {
  return `${questionView(task, example)}

${delimited('wrong_solution', wrong.reasoning)}
${delimited('wrong_answer', wrong.answer)}
${delimited('right_answer', example.answer)}`;
}

/** The client's system text, which says what the task of the examples is; empty if there is none. */
function taskBlock(task: string): string {
  return task === '' ? '' : `${delimited('task', task)}\n`;
}

/** The conversation with the principles in its system text, so that its last turn stays the question. */
export function withPrinciples(messages: readonly Message[], principles: readonly string[]): readonly Message[] {
  return withInstruction(messages, `${APPLY}\n${delimited('principles', principles.join('\n'))}`);
}
