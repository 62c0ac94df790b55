/** The final vote: each path and each second reading votes for the answer it comes to. */
import type { Call } from '../../../core/index.ts';
import {
  candidateText,
  classesOf,
  normalizeAnswer,
  rankBy,
  sameAnswer,
  toAnswers,
  type Answer,
} from '../../../core/approach/index.ts';
import { agrees, resultOf, type Result } from './results.ts';
import type { Path } from './rollouts.ts';

/** A path, and the second reader's completion of its beginning. */
export interface ReadPath {
  readonly path: Path;
  /** The beginning that the reader got. */
  readonly prefix: string;
  /** Undefined if the reader failed or was not asked. */
  readonly reading: Answer | undefined;
}

interface Vote extends Result {
  readonly weight: number;
  readonly voter: Voter;
}

/** Who gave a vote: a path, or its reading. */
export interface Voter {
  readonly read: ReadPath;
  readonly isReading: boolean;
}

/** Characters of an answer in the trace. */
const MAX_SHOWN = 80;

/** The votes for one answer. */
export interface Group {
  /** As the trace shows it. */
  readonly answer: string;
  readonly weight: number;
  /** Mean of its votes, 0 to 1. */
  readonly confidence: number;
  /** The voter to show for the group. */
  readonly best: Voter;
}

/**
 * The groups of equal votes: by weight, then by confidence, then in the order of their first votes. Votes of paths come
 * before those of readings.
 */
export function countVotes(paths: readonly ReadPath[]): readonly Group[] {
  const votes = [...paths.flatMap(ownVote), ...paths.flatMap(readersVote)];
  const groups = classesOf(votes, (a, b) => sameAnswer(a.answer, b.answer)).flatMap((same) => groupOf(same) ?? []);
  return rankBy(groups, ({ weight, confidence }) => [weight, confidence]);
}

/** A path that no second reader has read. */
export function unread(path: Path): ReadPath {
  return { path, prefix: '', reading: undefined };
}

/** Did the second reader come to the same result as the path? */
export function isVerified({ path, prefix, reading }: ReadPath): boolean {
  const rest = textOf(path).slice(prefix.length);
  return reading !== undefined && agrees(resultOf(path.last), rest, reading);
}

/** A path's whole text. */
export function textOf({ steps }: Path): string {
  return steps.map(candidateText).join('\n\n');
}

/** The path's own vote, which counts twice if the second reader agrees. */
function ownVote(read: ReadPath): readonly Vote[] {
  const result = resultOf(read.path.last);
  return result ? [{ ...result, weight: isVerified(read) ? 2 : 1, voter: { read, isReading: false } }] : [];
}

function readersVote(read: ReadPath): readonly Vote[] {
  const result = read.reading && resultOf(read.reading);
  return result ? [{ ...result, weight: 1, voter: { read, isReading: true } }] : [];
}

/**
 * The answer to show: the last step of a path, or the second reader's completion.
 * @param isFull  Show the whole path, or the beginning with its completion.
 */
export function shownOf({ read, isReading }: Voter, isFull: boolean, call: Call): Answer {
  const { path, prefix, reading } = read;
  const answer = (isReading ? reading : undefined) ?? path.last;
  if (!isFull || answer.reply.kind !== 'complete') return answer;
  const content = isReading ? `${prefix}\n\n${answer.text}`.trim() : textOf(path);
  const choice = { ...answer.choice, message: { ...answer.choice.message, content } };
  const [full] = toAnswers({ ...answer.reply, body: answer.reply.body.with({ choices: [choice] }) }, call);
  return full ?? answer;
}

function groupOf(votes: readonly Vote[]): Group | undefined {
  // Paths come before readings, verified paths before others, then the higher confidence.
  const rank = ({ weight, confidence, voter }: Vote) => (voter.isReading ? 0 : 2 * weight) + confidence;
  const [best] = votes.toSorted((a, b) => rank(b) - rank(a));
  if (!best) return undefined;
  const sum = (of: (vote: Vote) => number) => votes.reduce((total, vote) => total + of(vote), 0);
  return {
    answer: normalizeAnswer(best.answer).slice(0, MAX_SHOWN),
    weight: sum(({ weight }) => weight),
    confidence: sum(({ confidence }) => confidence) / votes.length,
    best: best.voter,
  };
}
