/**
 * The statistical upstream U(p, r, w), as a script for the scripted handler: a solution is right with probability p and
 * else comes to one of w = 4 wrong numbers, a judge is right with probability r, an aggregator takes what most of the
 * solutions shown come to. What an approach makes of it can be worked out on paper. Seeded: the same numbers in every run.
 */
import type { ChatRequest } from '../../core/index.ts';
import { contentText, type Random } from '../../core/approach/index.ts';
import type { ScriptedOptions } from './scripted-handler.ts';

export type Script = ScriptedOptions['script'];

export interface Odds {
  /** That a solution is right. */
  readonly p: number;
  /** That a judge is right, about one solution or about two of which one is right; without judges 1. */
  readonly r?: number;
}

export const RIGHT = 42;
export const WRONG = [17, 23, 99, 7];
/** What solutions come to that are wrong on purpose: no other solution does. */
const LIES = [101, 102, 103, 104];

export function statisticalUpstream(random: Random, { p, r = 1 }: Odds): Script {
  const solution = () => worded(random, drawn(random, p));
  return {
    answer: solution,
    candidate: solution,
    draft: solution,
    discriminator: solution,
    sneaky: () => worded(random, random.pick(LIES)),
    judge: (request) => {
      const [first, second] = finalsShown(request).map((final) => final === RIGHT);
      const isRight = random.chance(r);
      if (!isComparison(request)) return `Rating: ${first === isRight ? 8 : 3}/10`;
      const better = first === second ? random.below(2) : Number(second === isRight);
      return `Better Response: [[${better}]]`;
    },
    verification: (request) => {
      const isRight = finalsShown(request)[0] === RIGHT;
      return `VERDICT: ${isRight === random.chance(r) ? 'CORRECT' : 'INCORRECT'}`;
    },
    synthesis: (request) => stated(pluralityOf(finalsShown(request))),
    // Critiques, plans, imagined turns: whatever else is said changes nothing.
    '*': () => '1. A remark.',
  };
}

/** What a solution comes to that is right with probability p. */
export function drawn(random: Random, p: number): number {
  return random.chance(p) ? RIGHT : (random.pick(WRONG) ?? RIGHT);
}

const OPENINGS = ['By counting', 'Clearly', 'I multiply twice and find', 'From the table'];

/** Solutions that come to the same are worded differently, as samples are. */
function worded(random: Random, final: number | undefined): string {
  return `${random.pick(OPENINGS)} ${random.next()}, the final answer is ${final}`;
}

/** The same text for the same final answer, as programs that do the same. */
export function stated(final: number | undefined): string {
  return `The final answer is ${final}`;
}

/** What a text comes to; undefined where it does not say. */
export function finalIn(text: string): number | undefined {
  return finalsIn(text).at(-1);
}

/** What the solutions in a prompt come to, in their order. */
export function finalsShown({ messages }: ChatRequest): readonly number[] {
  return messages.flatMap(({ content }) => finalsIn(contentText(content)));
}

function finalsIn(text: string): number[] {
  return [...text.matchAll(/final answer is (\d+)/g)].map(([, final]) => Number(final));
}

/** Is a judge asked for the better one of two? Also a dialogue that is rated may hold several solutions. */
function isComparison({ messages }: ChatRequest): boolean {
  return contentText(messages[0]?.content).includes('Better Response');
}

/** The most frequent; of equals the one seen first. */
function pluralityOf(finals: readonly number[]): number | undefined {
  const counts = new Map<number, number>();
  for (const final of finals) counts.set(final, (counts.get(final) ?? 0) + 1);
  const [best] = [...counts].toSorted(([, a], [, b]) => b - a);
  return best?.[0];
}
