/** What a solution is, and the calls that all phases make: those that bring solutions, and those that are only read. */
import type { Call } from '../../../core/index.ts';
import {
  answerOf,
  askJudge,
  candidateText,
  survive,
  isReasoning,
  isTruncated,
  isUsable,
  rankBy,
  sameAnswer,
  stripThinking,
  toolCallKey,
  withDefaultLimit,
  withInstruction,
  type Answer,
  type Work,
} from '../../../core/approach/index.ts';
import type { Settings } from './settings.ts';

export const VERDICTS = ['correct', 'incorrect', 'incomplete'] as const;

/** What a verifier says about a solution. */
export interface Report {
  /** Null where it gives none: then it has not verified, and not rejected either. */
  readonly verdict: (typeof VERDICTS)[number] | null;
  /** 0 to 1. */
  readonly confidence: number | null;
  readonly text: string;
}

export interface Solution {
  /** As it came: its reply is what may be shown. */
  readonly answer: Answer;
  /** Of the agent that made it; what is made of it later is made cooler. */
  readonly temperature: number;
  /** 0 to 1. */
  readonly confidence: number;
  readonly standing: 'unverified' | 'verified' | 'rejected';
  /** What verifiers said about this very text. */
  readonly reports: readonly Report[];
}

export type Effort = 'low' | 'medium' | 'high';

interface Prompt {
  readonly instruction: string;
  readonly temperature: number;
  readonly effort: Effort;
  readonly role: string;
}

/** A call that goes on from the client's own conversation, with an instruction beside it. */
export function generation(
  { call, options: settings }: Work<Settings>,
  { instruction, temperature, effort, role }: Prompt,
): Call {
  return call.with(
    {
      messages: withInstruction(call.request.value.messages, instruction),
      temperature,
      ...withDefaultLimit(call, settings.max_tokens),
      ...effortField(call, effort, settings),
    },
    { role },
  );
}

/** A further solution; undefined where the call fails, or brings nothing that can stand beside complete ones. */
export async function generate(work: Work<Settings>, prompt: Prompt): Promise<Answer | undefined> {
  const answer = await survive(work.next.ask(generation(work, prompt)), work.call);
  return answer && isUsable(answer) && !isTruncated(answer) && toolCallKey(answer) === undefined ? answer : undefined;
}

interface Judgement {
  readonly system: string;
  readonly user: string;
  readonly temperature: number;
  readonly effort: Effort;
  readonly role: string;
  /** Tokens; never less than a judge needs. */
  readonly limit: number;
  readonly evidence: readonly Answer[];
}

/** What a call says that is only parsed, without its thinking; undefined where it fails or says nothing. */
export async function judge(work: Work<Settings>, judgement: Judgement): Promise<string | undefined> {
  const { call, options: settings } = work;
  const { effort, limit, evidence } = judgement;
  const least = isReasoning(call, evidence) ? 4_096 : 1_024;
  const fields = effortField(call, effort, settings);
  const prompt = { ...judgement, limit: Math.max(Math.floor(limit), least), fields };
  const answer = await askJudge(work, prompt);
  return answer && (stripThinking(answer.text).trim() || undefined);
}

/** OpenRouter's form. The client's own wish, in whatever form, stays as it is. */
function effortField({ request }: Call, effort: Effort, { use_reasoning_api }: Settings) {
  const { reasoning, reasoning_effort } = request.value;
  const isOurs = use_reasoning_api && reasoning === undefined && reasoning_effort === undefined;
  return isOurs ? { reasoning: { effort } } : {};
}

const ONE_LINE = 100;

/** What a solution comes to: the final answer that it states, or all of it where that is one line. */
export function resultOf(answer: Answer): string | null {
  const text = candidateText(answer);
  return answerOf(text) ?? (text.length <= ONE_LINE && !text.includes('\n') ? text : null);
}

export function comesToTheSame(a: Answer, b: Answer): boolean {
  const [left, right] = [resultOf(a), resultOf(b)];
  return left !== null && right !== null && sameAnswer(left, right);
}

/** The share of its verifications that a solution has passed. */
export function scoreOf({ reports }: Solution): number {
  const passed = reports.filter(({ verdict }) => verdict === 'correct').length;
  return reports.length === 0 ? 0 : passed / reports.length;
}

/** Best first: by score, then by confidence, then as they came. */
export function byScore(solutions: readonly Solution[]): readonly Solution[] {
  return rankBy(solutions, (solution) => [scoreOf(solution), solution.confidence]);
}
