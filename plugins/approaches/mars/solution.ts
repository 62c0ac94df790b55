/** Solutions, and the two kinds of calls that all phases make: calls that write a solution, and calls that are parsed. */
import type { Call } from '../../../core/index.ts';
import {
  answerOf,
  askJudge,
  candidateText,
  isTruncated,
  isUsable,
  judgeLimit,
  rankBy,
  sameAnswer,
  stripThinking,
  survive,
  toolCallKey,
  withDefaultLimit,
  withInstruction,
  type Answer,
  type Work,
} from '../../../core/approach/index.ts';
import type { Settings } from './settings.ts';

/** The words that a verifier may use. */
export const VERDICTS = ['correct', 'incorrect', 'incomplete'] as const;

/** What a verifier wrote about a solution. */
export interface Report {
  /** Null if it gives none: the report then neither verifies nor rejects. */
  readonly verdict: (typeof VERDICTS)[number] | null;
  /** 0 to 1; null if it states none. */
  readonly confidence: number | null;
  readonly text: string;
}

/** A solution, and what is known of it. */
export interface Solution {
  /** As it came; its reply may be returned to the client. */
  readonly answer: Answer;
  /** Of the call that made it, or of the agent whose solution was improved. Improvements are asked for at a lower one. */
  readonly temperature: number;
  /** 0 to 1. */
  readonly confidence: number;
  readonly standing: 'unverified' | 'verified' | 'rejected';
  /** Of this very text: an improved solution starts without any. */
  readonly reports: readonly Report[];
}

/** How hard a model that reasons should think, as in OpenRouter's `reasoning`. */
export type Effort = 'low' | 'medium' | 'high';

interface Prompt {
  readonly instruction: string;
  readonly temperature: number;
  readonly effort: Effort;
  readonly role: string;
}

/** A call that writes a solution: the client's conversation, with an instruction in its system text. */
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

/** One more solution; undefined if the call fails, or its answer is unusable, cut or a tool call. */
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

/** The text of a judge, without `<think>` blocks; undefined if its call fails or it says nothing. */
export async function judge(work: Work<Settings>, judgement: Judgement): Promise<string | undefined> {
  const { call, options: settings } = work;
  const { effort, limit, evidence } = judgement;
  const fields = effortField(call, effort, settings);
  const prompt = { ...judgement, limit: Math.max(Math.floor(limit), judgeLimit(call, evidence)), fields };
  const answer = await askJudge(work, prompt);
  return answer && (stripThinking(answer.text).trim() || undefined);
}

/** The field that asks for an effort, in OpenRouter's form. None if the client asks for an effort itself, in either form. */
function effortField({ request }: Call, effort: Effort, { use_reasoning_api }: Settings) {
  const { reasoning, reasoning_effort } = request.value;
  const isOurs = use_reasoning_api && reasoning === undefined && reasoning_effort === undefined;
  return isOurs ? { reasoning: { effort } } : {};
}

/** In characters. */
const ONE_LINE = 100;

/** What a solution comes to: the final answer that it states, or the whole text if it is one short line. Null if neither. */
export function resultOf(answer: Answer): string | null {
  const text = candidateText(answer);
  return answerOf(text) ?? (text.length <= ONE_LINE && !text.includes('\n') ? text : null);
}

/** Do two answers have the same result? False if one has none. */
export function comesToTheSame(a: Answer, b: Answer): boolean {
  const [left, right] = [resultOf(a), resultOf(b)];
  return left !== null && right !== null && sameAnswer(left, right);
}

/** The share of its verifications that a solution has passed, 0 to 1; 0 if there are none. */
export function scoreOf({ reports }: Solution): number {
  const passed = reports.filter(({ verdict }) => verdict === 'correct').length;
  return reports.length === 0 ? 0 : passed / reports.length;
}

/** Best first: by score, then by confidence, then as they came. */
export function byScore(solutions: readonly Solution[]): readonly Solution[] {
  return rankBy(solutions, (solution) => [scoreOf(solution), solution.confidence]);
}
