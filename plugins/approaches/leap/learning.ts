/** From examples to principles: a mistake in each, what it teaches, and all of that as one list. */
import {
  answerOf,
  askJudge,
  survive,
  isTruncated,
  isUsable,
  judgeCall,
  stripThinking,
  type Answer,
  type JudgePrompt,
  type Work,
} from '../../../core/approach/index.ts';
import { examplesIn, isRight, outputOf, type Example } from './examples.ts';
import { condensing, ERR, EXTRACT, mistakeView, questionView, REFLECT, SOLVE, type Solution } from './prompts.ts';

/** Of mistakes. */
const TEMPERATURE = 0.7;

export interface Learning extends Work {
  /** The client's system text. */
  readonly task: string;
  /** How many times an example is solved to find a real mistake; undefined = a mistake is asked for. */
  readonly samples: number | undefined;
  readonly maxPrinciples: number;
  /** Of each call. */
  readonly limit: number;
}

export interface Learned {
  readonly principles: readonly string[];
  readonly mistakes: number;
  /** Did no call fail, so that another try would bring no more? */
  readonly isWhole: boolean;
}

/** The examples in a text, as a model finds them; undefined where it could not tell. */
export async function extractExamples(learning: Learning, text: string): Promise<readonly Example[] | undefined> {
  const answer = await ask({ role: 'examples', system: EXTRACT, user: text }, learning);
  return answer && examplesIn(outputOf(answer.text));
}

/** A mistake in each example, and what it teaches, all at once; then one list of it. */
export async function learn(learning: Learning, examples: readonly Example[]): Promise<Learned> {
  const { progress } = learning.call.exchange;
  progress.say(`${examples.length} examples are there, looking for mistakes in them.`);
  const lessons = await Promise.all(examples.map((example) => lessonOf(example, learning)));
  const taught = lessons.flatMap((lesson) => (typeof lesson === 'string' ? [lesson] : []));
  const isWhole = !lessons.includes(undefined);
  if (taught.length === 0) return { principles: [], mistakes: 0, isWhole };

  progress.say(`${taught.length} mistakes taught something, making one list of it.`);
  const system = condensing(learning.maxPrinciples);
  const condensed = await ask({ role: 'condense', system, user: taught.join('\n\n') }, learning);
  const list = condensed ? linesOf(outputOf(condensed.text)) : [];
  // The last line of a list that was cut is not whole.
  const whole = condensed && isTruncated(condensed) ? list.slice(0, -1) : list;
  const principles = (whole.length > 0 ? whole : taught.flatMap(linesOf)).slice(0, learning.maxPrinciples);
  return { principles, mistakes: taught.length, isWhole: isWhole && whole.length > 0 };
}

/** What a mistake in one example teaches; null where there is no mistake, undefined where a call failed. */
async function lessonOf(example: Example, learning: Learning): Promise<string | null | undefined> {
  const solutions = await solve(example, learning);
  if (solutions.length === 0) return undefined;
  const wrong = solutions.find(({ answer }) => !isRight(answer, example.answer));
  if (!wrong) return null;
  const user = mistakeView(learning.task, example, wrong);
  const lesson = await ask({ role: 'principles', system: REFLECT, user }, learning);
  return (lesson && outputOf(lesson.text)) || undefined;
}

/** Solutions that came to an answer. */
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
