import type { Random } from '../../../core/approach/index.ts';
import type { Prompt } from './prompt.ts';
import { isAnswer } from './questions.ts';

/** The chance that a judge, a critique or a synthesis recognises whether a candidate is right. */
export const RELIABILITY = 0.9;
/** The worth, from 0 to 1, of a candidate that seems right, that seems wrong, and of which nothing is known. */
const RIGHT = 0.9;
const WRONG = 0.2;
const UNKNOWN = 0.5;

/**
 * A judgement, in the form that the prompt asks for: `Choice: n`, `Ranking: …`, `Verdict: …` and others, else `Score:
 * n`.
 */
export function judge(prompt: Prompt, random: Random): string {
  const { instructions, candidates } = prompt;
  const opinions = candidates.map((value) => opinionOf(prompt, value, random));
  if (/\bchoice\s*:/i.test(instructions)) return `Compared with each other.\nChoice: ${choiceOf(prompt, random)}`;
  if (/\bbetter response\s*:/i.test(instructions))
    return `Compared with each other.\nBetter Response: [[${choiceOf(prompt, random) - 1}]]`;
  if (/\branking\s*:/i.test(instructions)) {
    const order = opinions.map((worth, index) => ({ worth, index })).toSorted((a, b) => b.worth - a.worth);
    return `Compared with each other.\nRanking: ${order.map(({ index }) => index + 1).join(' > ') || '1'}`;
  }
  // If the prompt holds a dialogue, its first reply is rated.
  const worth = (instructions.includes('<dialogue>') ? opinions[0] : opinions.at(-1)) ?? UNKNOWN;
  if (/\bverdict\s*:/i.test(instructions)) return verdict(worth, prompt);
  if (/\brating\s*:\s*\[\[/i.test(instructions)) {
    const isRight = worth === UNKNOWN ? worth : Number(worth === RIGHT);
    return `Checked against my own working.\nRating: [[${isRight}]]`;
  }
  const scores = opinions.length > 1 ? opinions : [worth];
  if (scores.length > 1 && /\bscore\s*<?\w+>?\s*:/i.test(instructions))
    return scores.map((worth, index) => `Score ${index + 1}: ${onScale(worth, instructions)}`).join('\n');
  return `Checked against my own working.\nScore: ${onScale(worth, instructions)}`;
}

/** CORRECT unless the solution seems wrong. A wrong one that states no value is INCOMPLETE. */
function verdict(worth: number, { candidates, problem, instructions }: Prompt): string {
  const isRight = worth !== WRONG;
  const isIncomplete = problem !== undefined && candidates.at(-1) === undefined;
  const issues = isRight
    ? ['ISSUES: none']
    : ['ISSUES:', '- its result is not the one I come to', 'SUGGESTIONS: redo it'];
  return [
    'Checked.',
    ...(/\bissues\s*:/i.test(instructions) ? issues : []),
    ...(/\bconfidence\s*:/i.test(instructions) ? [`CONFIDENCE: ${worth === UNKNOWN ? 5 : 9}`] : []),
    `VERDICT: ${isRight ? 'CORRECT' : isIncomplete ? 'INCOMPLETE' : 'INCORRECT'}`,
  ].join('\n');
}

/** The number, from 1, of the chosen candidate: the first right one nine times in ten, else a wrong one. */
export function choiceOf({ candidates, problem }: Prompt, random: Random): number {
  const isRight = candidates.map((value) => value !== undefined && problem !== undefined && isAnswer(problem, value));
  const best = isRight.includes(true) ? isRight.indexOf(true) : 0;
  const worse = [...isRight.keys()].filter((index) => index !== best && isRight[index] === false);
  return (random.chance(RELIABILITY) ? best : (random.pick(worse) ?? best)) + 1;
}

/** The worth that a candidate seems to have. */
function opinionOf({ problem }: Prompt, value: string | undefined, random: Random): number {
  const isReliable = random.chance(RELIABILITY);
  if (!problem) return UNKNOWN;
  const isRight = value !== undefined && isAnswer(problem, value);
  return isRight === isReliable ? RIGHT : WRONG;
}

/** A worth from 0 to 1 on the scale that the instructions name, 0 to 10 by default. */
function onScale(worth: number, instructions: string): number {
  const scale =
    /\b(?:from|between|scale|scores?|rat\w*)\b[^.\n]{0,40}?(\d+(?:\.\d+)?)\s*(?:-|–|to|and)\s*(\d+(?:\.\d+)?)/i.exec(
      instructions,
    );
  const low = Number(scale?.[1] ?? 0);
  const high = Number(scale?.[2] ?? 10);
  const exact = low + worth * (high - low);
  return high - low >= 5 ? Math.round(exact) : Number(exact.toFixed(2));
}
