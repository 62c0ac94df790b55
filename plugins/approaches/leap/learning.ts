/** The way from examples to principles: a mistake in each, the lesson of each mistake, and one list of all lessons. */
import {
  answerOf,
  askJudge,
  isTruncated,
  isUsable,
  judgeCall,
  stripThinking,
  survive,
  type Answer,
  type JudgePrompt,
  type Work,
} from '../../../core/approach/index.ts';
import { examplesIn, isRight, outputOf, type Example } from './examples.ts';
import { condensing, ERR, EXTRACT, mistakeView, questionView, REFLECT, SOLVE, type Solution } from './prompts.ts';

/** Of the calls that make mistakes. */
const TEMPERATURE = 0.7;

/** What learning needs. */
export interface Learning extends Work {
  /** The client's system text. */
  readonly task: string;
  /** How many times each example is solved, to find a real mistake; undefined = the model is asked to make one. */
  readonly samples: number | undefined;
  readonly maxPrinciples: number;
  /** In tokens, of each call. */
  readonly limit: number;
}

/** What was learned. */
export interface Learned {
  readonly principles: readonly string[];
  /** How many mistakes taught something. */
  readonly mistakes: number;
  /** Did every call succeed? Only then is the result worth remembering. */
  readonly isWhole: boolean;
}

/** The examples in a text, as a model finds them; undefined if its call fails or cannot be read. One call. */
export async function extractExamples(learning: Learning, text: string): Promise<readonly Example[] | undefined> {
  const answer = await ask({ role: 'examples', system: EXTRACT, user: text }, learning);
  return answer && examplesIn(outputOf(answer.text));
}

/** Learns from all examples at once, then condenses the lessons into one list. Calls: E + m + 1, in 3 rounds. */
export async function learn(learning: Learning, examples: readonly Example[]): Promise<Learned> {
  const { progress } = learning.call;
  progress.say(`${examples.length} examples are there, looking for mistakes in them.`);
  const lessons = await Promise.all(examples.map((example) => lessonOf(example, learning)));
  const taught = lessons.flatMap((lesson) => (typeof lesson === 'string' ? [lesson] : []));
  const isWhole = !lessons.includes(undefined);
  if (taught.length === 0) return { principles: [], mistakes: 0, isWhole };

  progress.say(`${taught.length} mistakes taught something, making one list of it.`);
  const system = condensing(learning.maxPrinciples);
  const condensed = await ask({ role: 'condense', system, user: taught.join('\n\n') }, learning);
  const list = condensed ? linesOf(outputOf(condensed.text)) : [];
  // If the list was cut, its last line is not whole.
  const whole = condensed && isTruncated(condensed) ? list.slice(0, -1) : list;
  const principles = (whole.length > 0 ? whole : taught.flatMap(linesOf)).slice(0, learning.maxPrinciples);
  return { principles, mistakes: taught.length, isWhole: isWhole && whole.length > 0 };
}

/** The lesson of a mistake in one example; null if no mistake was made, undefined if a call failed. */
async function lessonOf(example: Example, learning: Learning): Promise<string | null | undefined> {
  const solutions = await solve(example, learning);
  if (solutions.length === 0) return undefined;
  const wrong = solutions.find(({ answer }) => !isRight(answer, example.answer));
  if (!wrong) return null;
  const user = mistakeView(learning.task, example, wrong);
  const lesson = await ask({ role: 'principles', system: REFLECT, user }, learning);
  return (lesson && outputOf(lesson.text)) || undefined;
}

/** Solutions of an example, without those that come to no answer. */
async function solve(example: Example, { call, next, task, samples, limit }: Learning): Promise<readonly Solution[]> {
  const solving = judgeCall(call, {
    system: samples === undefined ? ERR : SOLVE,
    user: questionView(task, example),
    temperature: TEMPERATURE,
    limit,
    role: 'mistake',
  });
  const answers = (await survive(next.sample(solving, samples ?? 1), call)) ?? [];
  return answers.filter((answer) => isUsable(answer) && !isTruncated(answer)).flatMap(solutionIn);
}

function solutionIn({ text }: Answer): Solution[] {
  const visible = stripThinking(text).trim();
  const answer = outputOf(text) || (answerOf(text) ?? '');
  const [reasoning = ''] = visible.split('<output>', 1);
  return answer === '' ? [] : [{ reasoning: reasoning.trim(), answer }];
}

async function ask(prompt: JudgePrompt, learning: Learning) {
  const answer = await askJudge(learning, { ...prompt, limit: learning.limit });
  return answer && isUsable(answer) ? answer : undefined;
}

function linesOf(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '');
}
