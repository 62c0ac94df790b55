/** Canned intermediate texts that approaches ask for: plans, hints, other wordings. None of them states a result. */
import type { Random } from '../../../core/approach/index.ts';
import { languageOf } from './programs.ts';
import type { Prompt } from './prompt.ts';
import type { Note } from './roles.ts';
import { formulation } from './solver.ts';

/** Role of the call → its text. A comment names the approach that makes calls of the roles below it. */
const NOTES: Readonly<Record<Note, (prompt: Prompt, random: Random) => string>> = {
  // mcts
  user_turn: (_, random) => random.pick(USER_TURNS) ?? '',
  // pvg
  refine: ({ question }) => `The task, where each step has to be checked: ${question}`,
  // rto
  description: ({ question }) =>
    `Write a program in ${languageOf(question)} with one function, solve(text), that returns its input reversed.`,
  // plansearch
  observations: (prompt, random) => `Observations:\n${numbered(HINTS, prompt, random)}`,
  derived_observations: (prompt, random) => `Observations:\n${numbered(FURTHER_HINTS, prompt, random)}`,
  sketch: () => 'Sketch: read the input, treat the smallest case on its own, go from each case to the next larger one.',
  other_sketch: () => 'The idea fails for the smallest case. Sketch: go from the end to the beginning instead.',
  pseudocode: () => 'Pseudocode:\nfor each part of the input, from the last to the first\n  add it to the result',
  // cepo
  plan: (_, random) => `Plan:\n1. State what is given.\n2. ${random.pick(HINTS)} (90 per cent)\n3. Check the result.`,
  approaches: (prompt, random) =>
    JSON.stringify(
      Object.fromEntries(some(HINTS, prompt, random).map((hint, index) => [`approach_${index + 1}`, hint])),
    ),
  // mars
  classification: ({ problem }) => branchOf(problem !== undefined),
  strategy: ({ problem }, random) =>
    [
      'Strategy:',
      `PROBLEM_TYPE: ${branchOf(problem !== undefined)}`,
      'APPROACH_TYPE: step by step',
      `KEY_INSIGHTS: ${random.pick(HINTS)}`,
      'MATHEMATICAL_TECHNIQUES: splitting, estimating, checking',
      'SOLUTION_PATTERN: split, solve, combine, check',
      'SUCCESS_INDICATORS: a second way comes to the same',
    ].join('\n'),
  // leap
  examples: ({ instructions }) => output(JSON.stringify(examplesIn(instructions))),
  principles: (_, random) => output(random.pick(HINTS) ?? ''),
  condense: (prompt, random) => output(numbered(HINTS, prompt, random)),
  // z3
  analysis: ({ problem }) => formulation(problem),
  repair: ({ problem }) => formulation(problem),
};

/** The text for a call of this role, without the demo's label. */
export function note(name: Note, prompt: Prompt, random: Random): string {
  return NOTES[name](prompt, random);
}

const USER_TURNS = [
  'Are you sure? Please check it once more.',
  'How did you come to that?',
  'Could you show the steps in between?',
];
const HINTS = [
  'Split it into parts that are easy, and put them together again.',
  'Estimate the size of the result first, so that a slip shows.',
  'Check the result by going the other way round.',
  'Look at the smallest case, and at the largest one.',
  'Write each step down, and keep its unit.',
];
const FURTHER_HINTS = [
  'The parts can be dealt with one after the other, from the last to the first.',
  'Where the smallest case is right, each larger one follows from the one before.',
  'What was estimated bounds what has to be looked at.',
];

function numbered(hints: readonly string[], prompt: Prompt, random: Random): string {
  return some(hints, prompt, random)
    .map((hint, index) => `${index + 1}. ${hint}`)
    .join('\n');
}

/** A random choice of as many hints as the prompt asks for (3 by default), or of all. */
function some(hints: readonly string[], { instructions }: Prompt, random: Random): readonly string[] {
  const asked = /\bexactly (\d+) items|\bName (\d+) |\bat most\s+(\d+)/.exec(instructions);
  const count = Number(asked?.slice(1).find((number) => number !== undefined) ?? 3);
  return random.subset(hints, Math.min(count, hints.length));
}

function branchOf(isKnown: boolean): string {
  return isKnown ? 'algebra' : 'general';
}

function output(text: string): string {
  return `<output>\n${text}\n</output>`;
}

/** The examples in a text: pairs of lines `Q: …` and `A: …`, or with these words written out. */
function examplesIn(text: string): readonly { readonly question: string; readonly answer: string }[] {
  const pairs = text.matchAll(
    /^[ \t]*(?:Q|Question|Problem|Input)\s?\d*[ \t]*:[ \t]*(\S.*)\n[ \t]*(?:A|Answer|Solution|Output)\s?\d*[ \t]*:[ \t]*(\S.*)$/gim,
  );
  return Array.from(pairs, ([, question = '', answer = '']) => ({ question: question.trim(), answer: answer.trim() }));
}
