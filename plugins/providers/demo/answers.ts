import { choiceOf, judge, RELIABILITY } from './judge.ts';
import { CRITIQUE, LABEL, STATES, type Prompt } from './prompt.ts';
import { note } from './notes.ts';
import { isNote } from './roles.ts';
import { asksForProgram, program } from './programs.ts';
import { isAnswer, type Problem } from './questions.ts';
import { solverResult } from './solver.ts';
import type { Random } from '../../../core/approach/index.ts';

/** How often one sample of a known question is right: low enough that better ways of asking show. */
const SAMPLE_ACCURACY = 0.6;

const OPENINGS = [
  'Step by step, {subject} comes to {value}.',
  'I make {subject} {value}.',
  'Working it through twice, I find for {subject}: {value}.',
  'Written out and added up, {subject} is {value}.',
  'Starting from what is given, {subject} must be {value}.',
];

/** The text of one sample. Draws on `random` alone, so that the same seed gives the same text. */
export function answerTo(prompt: Prompt, random: Random): string {
  const { problem, toolResult } = prompt;
  if (toolResult !== undefined) return `${LABEL} The tool answered: ${toolResult.slice(0, 500)}`;
  if (isNote(prompt.role)) return `${LABEL} ${note(prompt.role, prompt, random)}`;
  switch (prompt.role) {
    case 'judge':
      return `${LABEL} ${judge(prompt, random)}`;
    case 'critique':
      return `${LABEL} ${CRITIQUE} ${critique(prompt, random)}`;
    case 'synthesis':
      return problem ? solution(problem, synthesis(prompt, problem, random), prompt, random) : unknown(prompt, random);
    case 'mistake':
      return mistake(prompt, random);
    case 'generation':
      if (isStep(prompt)) return `${LABEL} ${random.pick(STEPS) ?? ''}`;
      return problem ? solution(problem, sample(prompt, problem, random), prompt, random) : unknown(prompt, random);
  }
}

const STEPS = [
  'First I state what is given and what is asked.',
  'I split it into parts that are easy.',
  'The size of the result can be estimated before it is worked out.',
];

/** Is one piece of a solution asked for that does not bring it to its end? */
function isStep({ instructions }: Prompt): boolean {
  if (!instructions.includes('write the next piece')) return false;
  return !/\blast piece:|\bsteps that are left\b|\bthinking aloud\b/.test(instructions);
}

/** A wrong answer, where a wrong one is wanted: some who go by this role want to see whether a real one happens. */
function mistake(prompt: Prompt, random: Random): string {
  const { problem = UNKNOWN, instructions } = prompt;
  if (!/\b(?:mistake|sneaky)\b/i.test(instructions))
    return solution(problem, sample(prompt, problem, random), prompt, random);
  if (!prompt.problem && asksForProgram(prompt.question)) return unknown(prompt, random);
  return solution(problem, random.pick(problem.slips) ?? '', prompt, random);
}

/** Stands in for a question that the demo does not know, where it has to answer wrongly. */
const UNKNOWN: Problem = { subject: 'the answer', answer: 'not known', slips: ['something else'] };

/** One try: right six times in ten; nine times where a right draft lies before it. */
function sample({ candidates }: Prompt, problem: Problem, random: Random): string {
  const hasRightDraft = candidates.some((value) => value !== undefined && isAnswer(problem, value));
  if (random.chance(hasRightDraft ? RELIABILITY : SAMPLE_ACCURACY)) return problem.answer;
  return random.pick(problem.slips) ?? problem.answer;
}

/** States what a solver has computed. Else recognises a right candidate nine times in ten; where there is none, goes with most of them. */
function synthesis(prompt: Prompt, problem: Problem, random: Random): string {
  const computed = solverResult(prompt.instructions);
  if (computed !== undefined) return computed;
  const values = prompt.candidates.filter((value) => value !== undefined);
  if (values.length === 0) return sample(prompt, problem, random);
  const wrong = values.filter((value) => !isAnswer(problem, value));
  const isRight = random.chance(RELIABILITY);
  if (wrong.length < values.length && isRight) return problem.answer;
  return mostFrequent(wrong) ?? (isRight ? problem.answer : (random.pick(problem.slips) ?? problem.answer));
}

function critique(prompt: Prompt, random: Random): string {
  const { candidates, problem, instructions } = prompt;
  if (!problem || candidates.length === 0) return 'I know too little about this to find a fault.';
  const lines = candidates.map((value, index) => {
    const isRight = value !== undefined && isAnswer(problem, value);
    const holds = isRight === random.chance(RELIABILITY);
    return `Candidate ${index + 1} (${value ?? 'no value'}) ${holds ? 'holds when checked.' : 'has a mistake in it.'}`;
  });
  if (/\bbest\s*:/i.test(instructions)) lines.push(`Best: ${choiceOf(prompt, random)}`);
  return lines.join('\n');
}

function solution(problem: Problem, value: string, { instructions }: Prompt, random: Random): string {
  const opening = random.pick(OPENINGS) ?? '';
  const working = opening.replace('{subject}', () => problem.subject).replace('{value}', () => value);
  const stated = `${STATES} ${value}`;
  if (!instructions.includes('<output>')) return `${LABEL} ${working}\n\n${stated}`;
  return [
    `${LABEL} <thinking>`,
    working,
    `<reflection>Checked: ${value}.</reflection>`,
    `</thinking>`,
    `<output>`,
    `${LABEL} ${stated}`,
    `</output>`,
  ].join('\n');
}

function unknown(prompt: Prompt, random: Random): string {
  const { question, instructions } = prompt;
  return asksForProgram(question) ? `${LABEL} ${program(`${question}\n${instructions}`, random)}` : canned(prompt);
}

function canned({ words }: Prompt): string {
  return (
    `${LABEL} This is a canned reply, not a language model's. Your question had ${words} ${words === 1 ? 'word' : 'words'}. ` +
    `For real answers start again with OPENAI_API_KEY set, or with a model server such as "ollama serve" running. ` +
    `Questions such as "What is 17 * 23?" are answered even here, right six times in ten, so that approaches can be tried.`
  );
}

/** The first of the most frequent; undefined of none. */
function mostFrequent(values: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].toSorted((a, b) => b[1] - a[1])[0]?.[0];
}
