/** The vote: classes of samples that agree, by final answer, by tool calls, by code, or by similar text. */
import type { Message } from '../../../core/index.ts';
import {
  answerOf,
  candidateText,
  codeBlocks,
  contentText,
  groupsOf,
  isTruncated,
  lastUserText,
  normalizeAnswer,
  normalizeProgram,
  programOf,
  rankBy,
  sameResult,
  stripThinking,
  toolCallKey,
  type Answer,
} from '../../../core/approach/index.ts';

/** What is compared; `auto` decides by the samples. */
export type Mode = 'auto' | 'answer' | 'text' | 'judge';

/** Samples that agree, in the order in which they came. */
export type Class = readonly Answer[];

interface Counting {
  /** The conversation, which shows whether a number is asked for. */
  readonly messages: readonly Message[];
  readonly mode: Mode;
  /** For mode `text`: texts that are at least this much alike count as the same, 0 to 1. */
  readonly similarity: number;
}

/** The classes, largest first; undefined if nothing can be counted and a judge has to choose. */
export function countVotes(
  samples: readonly Answer[],
  { messages, mode, similarity }: Counting,
): readonly Class[] | undefined {
  if (mode === 'judge') return undefined;
  const options = { isNumeric: expectsNumber(messages) };
  const isVoter = (sample: Answer) => answerOf(sample.text, options) !== null;
  // A truncated sample counts only if it got to a final answer, or if no other sample counts.
  const countable = samples.filter((sample) => !isTruncated(sample) || isVoter(sample));
  const counted = countable.length > 0 ? countable : samples;
  if (mode === 'text')
    return bySize(groupsOf(counted, (a, b) => likeness(candidateText(a), candidateText(b)) >= similarity));
  const calling = counted.filter((sample) => toolCallKey(sample) !== undefined);
  if (counted.length > 0 && 2 * calling.length >= counted.length)
    return bySize(groupsOf(calling, (a, b) => toolCallKey(a) === toolCallKey(b)));
  const voters = counted.filter(isVoter);
  const isVote = mode === 'answer' ? voters.length > 0 : 2 * voters.length >= counted.length;
  if (isVote) return bySize(groupsOf(voters, sameResult(options)));
  const programs = new Map(counted.map((sample) => [sample, codeOf(sample)]));
  if (isCode(counted)) {
    const groups = groupsOf(counted, (a, b) => programs.get(a) === programs.get(b));
    if (mode === 'answer' || groups.length < counted.length || groups.length === 1) return bySize(groups);
  }
  return mode === 'answer' ? bySize(counted.map((sample) => [sample])) : undefined;
}

/** Largest first. Of equal sizes, the class with fewer truncated samples; then the one whose first member came first. */
function bySize(classes: readonly Class[]): readonly Class[] {
  return rankBy(classes, (members) => [members.length, weightOf(members)]);
}

function weightOf(members: Class): number {
  return members.reduce((sum, sample) => sum + (isTruncated(sample) ? 0.5 : 1), 0);
}

/** The sample to show for a class: its first complete one, or its first. */
export function representativeOf(members: Class): Answer | undefined {
  return members.find((sample) => !isTruncated(sample)) ?? members[0];
}

/**
 * Has the first class won, whatever still comes? It needs more than half of all planned votes, and a complete sample to
 * show.
 */
export function isDecided(classes: readonly Class[] | undefined, planned: number): boolean {
  const [first = []] = classes ?? [];
  return 2 * first.length > planned && !first.every(isTruncated);
}

/** For the trace: why the first class is the first. */
export function whyFirst([first = [], second]: readonly Class[]): string {
  if (!second) return first.length === 1 ? 'it is the only sample that counts' : 'all samples agree';
  if (first.length > second.length) return 'most samples agree with it';
  return first.length === 1 ? 'no two samples agree, it is the first' : 'no other group of samples is larger';
}

/** For the trace: the final answer of each class, null if it states none, and its votes. */
export function distribution(
  classes: readonly Class[],
  messages: readonly Message[],
): readonly { answer: string | null; votes: number }[] {
  const options = { isNumeric: expectsNumber(messages) };
  return classes.map((members) => {
    const answer = answerOf(members[0]?.text ?? '', options);
    return { answer: answer === null ? null : normalizeAnswer(answer).slice(0, 80), votes: members.length };
  });
}

function expectsNumber(messages: readonly Message[]): boolean {
  return /\d|how (?:many|much|old|long|far|tall|fast)|number|\bsum\b|total|comput|calculat/i.test(
    lastUserText(messages),
  );
}

/** Does every sample hold code? */
export function isCode(samples: readonly Answer[]): boolean {
  return samples.length > 0 && samples.every((sample) => codeBlocks(stripThinking(sample.text)).length > 0);
}

function codeOf({ text }: Answer): string {
  return normalizeProgram(programOf(text));
}

/** How alike two texts are, 0 to 1: the share of word pairs that both have (Dice). Takes time linear in their length. */
export function likeness(a: string, b: string): number {
  const left = wordPairs(a);
  const right = wordPairs(b);
  const total = sizeOf(left) + sizeOf(right);
  if (total === 0) return normalizeAnswer(a) === normalizeAnswer(b) ? 1 : 0;
  let shared = 0;
  for (const [pair, times] of left) shared += Math.min(times, right.get(pair) ?? 0);
  return (2 * shared) / total;
}

function wordPairs(text: string): ReadonlyMap<string, number> {
  const words =
    contentText(text)
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? [];
  const pairs = new Map<string, number>();
  for (let i = 0; i + 1 < words.length; i++) {
    const pair = `${words[i]} ${words[i + 1]}`;
    pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
  }
  return pairs;
}

function sizeOf(pairs: ReadonlyMap<string, number>): number {
  return [...pairs.values()].reduce((sum, times) => sum + times, 0);
}
