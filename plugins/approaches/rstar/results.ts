/** The result that a text comes to, and whether a path and its second reading agree. */
import {
  answerOf,
  candidateText,
  endsWhole,
  isTruncated,
  sameAnswer,
  type Answer,
} from '../../../core/approach/index.ts';
import type { Action } from './prompts.ts';

/** A stated answer, and how certain it is that it is one. */
export interface Result {
  readonly answer: string;
  /** 1 for an answer that is labelled or boxed, 0.5 for a letter or number that stands at the end. */
  readonly confidence: number;
}

/** Two texts without an answer agree if they share more than this part of their words. */
const SAME_WORDS = 0.7;

/** The result that an answer states; undefined if it states none, or was cut. */
export function resultOf(answer: Answer): Result | undefined {
  if (isTruncated(answer)) return undefined;
  const stated = labelledAnswer(answer.text);
  if (stated !== null) return { answer: stated, confidence: 1 };
  const found = answerOf(answer.text, { isNumeric: true });
  return found === null ? undefined : { answer: found, confidence: 0.5 };
}

/** What is known of a step when it is asked whether the path ends with it. */
interface StepFacts {
  readonly action?: Action | undefined;
  /** Does the question ask for a program? */
  readonly isCode?: boolean;
}

/**
 * Does the step state the final answer, so that the path ends here? The step of a sub-question has to say "final answer"
 * or box it, because "Answer: 6" may answer the sub-question only. If a program is asked for, a whole one is the answer.
 */
export function isConclusion(step: Answer, { action, isCode = false }: StepFacts = {}): boolean {
  if (isTruncated(step)) return false;
  if (isCode && action !== 'subquestion' && endsWhole(step.text)) return true;
  if (labelledAnswer(step.text) === null) return false;
  return action !== 'subquestion' || /\bfinal\s+answer\b|\\boxed\{/i.test(candidateText(step));
}

/** The labelled or boxed answer in a text, or null. */
function labelledAnswer(text: string): string | null {
  // With a line after it, a letter or number at the end is no answer any more.
  return answerOf(`${text}\n-`);
}

/** The word that is cut at the end of a text. At most 24 characters, because some languages have no blanks between words. */
const WORD = /\S{0,24}$/u;

/** The beginning of a path, a share of its length, cut between words and before the first line that states an answer. */
export function prefixOf(text: string, share: number): string {
  const cut = text.slice(0, Math.floor(text.length * share)).replace(WORD, '');
  const lines = cut.trimEnd().split('\n');
  while (labelledAnswer(lines.join('\n')) !== null) lines.pop();
  return lines.join('\n').trimEnd();
}

/** Does a second reading come to the result of the path? If either has none, they have to share most of their words. */
export function agrees(path: Result | undefined, rest: string, reading: Answer): boolean {
  const read = resultOf(reading);
  if (path && read) return sameAnswer(path.answer, read.answer);
  return overlap(rest, candidateText(reading)) > SAME_WORDS;
}

/** The share of the words of two texts that are in both (Jaccard), 0 to 1. */
export function overlap(a: string, b: string): number {
  const left = wordsOf(a);
  const right = wordsOf(b);
  const all = new Set([...left, ...right]).size;
  return all === 0 ? 0 : (left.size + right.size - all) / all;
}

function wordsOf(text: string): ReadonlySet<string> {
  return new Set(text.toLowerCase().replaceAll(/[.,]/g, '').match(/\S+/g));
}
