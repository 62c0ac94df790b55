/** What a text comes to, and whether two readings of one path agree. */
import { answerOf, candidateText, isTruncated, sameAnswer, type Answer } from '../../../core/approach/index.ts';
import type { Action } from './prompts.ts';

export interface Result {
  readonly answer: string;
  /** 1 for an answer that is labelled or boxed, 0.5 for one that only its place makes an answer. */
  readonly confidence: number;
}

/** From where on two texts without an answer say the same: the share of their words that both have. */
const SAME_WORDS = 0.7;

/** The result that an answer states; undefined where there is none, or the text was cut. */
export function resultOf(answer: Answer): Result | undefined {
  if (isTruncated(answer)) return undefined;
  const stated = labelledAnswer(answer.text);
  if (stated !== null) return { answer: stated, confidence: 1 };
  const found = answerOf(answer.text, { isNumeric: true });
  return found === null ? undefined : { answer: found, confidence: 0.5 };
}

/**
 * Does it state the final answer, so that the path ends here? A step that solves a sub-question has to say that it is the
 * final one: "Answer: 6" may be the sub-question's.
 */
export function isConclusion(step: Answer, action?: Action): boolean {
  if (isTruncated(step) || labelledAnswer(step.text) === null) return false;
  return action !== 'subquestion' || /\bfinal\s+answer\b|\\boxed\{/i.test(candidateText(step));
}

/** A labelled or boxed answer: one that is still found where the text does not end with it. */
function labelledAnswer(text: string): string | null {
  return answerOf(`${text}\n-`);
}

/** The longest word that a prefix is cut short by; what goes on for longer has no blanks between its words. */
const WORD = /\S{0,24}$/u;

/** The beginning of a path up to a share of its length, at the end of a word; without lines that give an answer away. */
export function prefixOf(text: string, share: number): string {
  const cut = text.slice(0, Math.floor(text.length * share)).replace(WORD, '');
  const lines = cut.trimEnd().split('\n');
  while (labelledAnswer(lines.join('\n')) !== null) lines.pop();
  return lines.join('\n').trimEnd();
}

/** Does a second reading come to the result of the path? Where either has none, the words have to be mostly the same. */
export function agrees(path: Result | undefined, rest: string, reading: Answer): boolean {
  const read = resultOf(reading);
  if (path && read) return sameAnswer(path.answer, read.answer);
  return overlap(rest, candidateText(reading)) > SAME_WORDS;
}

/** How many of the words of two texts are in both (Jaccard), 0 to 1. */
export function overlap(a: string, b: string): number {
  const left = wordsOf(a);
  const right = wordsOf(b);
  const all = new Set([...left, ...right]).size;
  return all === 0 ? 0 : (left.size + right.size - all) / all;
}

function wordsOf(text: string): ReadonlySet<string> {
  return new Set(text.toLowerCase().replaceAll(/[.,]/g, '').match(/\S+/g));
}
