/** The final decision: each path and each second reading votes for the answer it comes to. */
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

/** A path, and how the second reader completed its beginning. */
export interface ReadPath {
  readonly path: Path;
  /** The beginning that the reader was given. */
  readonly prefix: string;
  /** Undefined where the reader failed, or was not asked. */
  readonly reading: Answer | undefined;
}

interface Vote extends Result {
  readonly weight: number;
  readonly voter: Voter;
}

/** What is shown where it is the best of the winners. */
export interface Voter {
  readonly read: ReadPath;
  readonly isReading: boolean;
}

const MAX_SHOWN = 80;

/** Those that come to the same answer. */
export interface Group {
  /** As the trace shows it. */
  readonly answer: string;
  readonly weight: number;
  /** Mean of its votes. */
  readonly confidence: number;
  readonly best: Voter;
}

/** The groups, largest weight first; then the surer one, then the one whose first vote comes first, those of paths before readings'. */
export function countVotes(paths: readonly ReadPath[]): readonly Group[] {
  const votes = [...paths.flatMap(ownVote), ...paths.flatMap(readersVote)];
  const groups = classesOf(votes, (a, b) => sameAnswer(a.answer, b.answer)).flatMap((same) => groupOf(same) ?? []);
  return rankBy(groups, ({ weight, confidence }) => [weight, confidence]);
}

export function unread(path: Path): ReadPath {
  return { path, prefix: '', reading: undefined };
}

/** Does the second reader come to the same as the path? */
export function isVerified({ path, prefix, reading }: ReadPath): boolean {
  const rest = textOf(path).slice(prefix.length);
  return reading !== undefined && agrees(resultOf(path.last), rest, reading);
}

/** A path's whole text. */
export function textOf({ steps }: Path): string {
  return steps.map(candidateText).join('\n\n');
}

/** The path's own vote, which counts twice where the second reader agrees. */
function ownVote(read: ReadPath): readonly Vote[] {
  const result = resultOf(read.path.last);
  return result ? [{ ...result, weight: isVerified(read) ? 2 : 1, voter: { read, isReading: false } }] : [];
}

function readersVote(read: ReadPath): readonly Vote[] {
  const result = read.reading && resultOf(read.reading);
  return result ? [{ ...result, weight: 1, voter: { read, isReading: true } }] : [];
}

/** The answer to show: the last step, the whole path, or what the second reader made of its beginning. */
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
  // A path before a reading, one that was verified before others, then the surer one.
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
