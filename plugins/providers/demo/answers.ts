import type { Random } from '../../../core/approach/index.ts';
import { choiceOf, judge, RELIABILITY } from './judge.ts';
import { note } from './notes.ts';
import { asksForProgram, program } from './programs.ts';
import { CRITIQUE, LABEL, STATES, type Prompt } from './prompt.ts';
import { isAnswer, type Problem } from './questions.ts';
import { isNote } from './roles.ts';
import { solverResult } from './solver.ts';

/** The chance that one sample for a known question is right. Low enough that approaches can visibly improve on it. */
const SAMPLE_ACCURACY = 0.6;

const OPENINGS = [
  'Step by step, {subject} comes to {value}.',
  'I make {subject} {value}.',
  'Working it through twice, I find for {subject}: {value}.',
  'Written out and added up, {subject} is {value}.',
  'Starting from what is given, {subject} must be {value}.',
];

/** The text of one sample. It depends on the prompt and `random` only, so that the same seed gives the same text. */
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

/** Does the prompt ask for one step of a solution, and not for the last one? */
function isStep({ instructions }: Prompt): boolean {
  if (!instructions.includes('write the next piece')) return false;
  return !/\blast piece:|\bsteps that are left\b|\bthinking aloud\b/.test(instructions);
}

/** A wrong answer if the prompt asks for one. Otherwise a sample: leap waits for a mistake that happens by itself. */
function mistake(prompt: Prompt, random: Random): string {
  const { problem = UNKNOWN, instructions } = prompt;
  if (!/\b(?:mistake|sneaky)\b/i.test(instructions))
    return solution(problem, sample(prompt, problem, random), prompt, random);
  if (!prompt.problem && asksForProgram(prompt.question)) return unknown(prompt, random);
  return solution(problem, random.pick(problem.slips) ?? '', prompt, random);
}

/** Takes the place of a question that the demo does not know, if the prompt asks for a wrong answer. */
const UNKNOWN: Problem = { subject: 'the answer', answer: 'not known', slips: ['something else'] };

/** One try: right six times in ten, or nine times in ten if the prompt holds a right draft. */
function sample({ candidates }: Prompt, problem: Problem, random: Random): string {
  const hasRightDraft = candidates.some((value) => value !== undefined && isAnswer(problem, value));
  if (random.chance(hasRightDraft ? RELIABILITY : SAMPLE_ACCURACY)) return problem.answer;
  return random.pick(problem.slips) ?? problem.answer;
}

/**
 * One answer made of given ones. If a solver has computed the value, that. Else a right candidate, if there is one,
 * nine times in ten. Else the most frequent wrong one.
 */
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

/** The most frequent value, the first of several; undefined if there are no values. */
function mostFrequent(values: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].toSorted((a, b) => b[1] - a[1])[0]?.[0];
}
