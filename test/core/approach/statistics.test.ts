import { describe, expect, test } from 'vitest';
import { Capabilities } from '../../../core/approach/capabilities.ts';
import { contentText, type ChatRequest } from '../../../core/index.ts';
import bon from '../../../plugins/approaches/bon/index.ts';
import cotReflection from '../../../plugins/approaches/cot_reflection/index.ts';
import moa from '../../../plugins/approaches/moa/index.ts';
import none from '../../../plugins/approaches/none.ts';
import re2 from '../../../plugins/approaches/re2.ts';
import selfConsistency from '../../../plugins/approaches/self_consistency/index.ts';
import { runApproach, type RunOptions } from '../../support/scripted-handler.ts';

/**
 * The statistical upstream U(p, r, w): a generation is right with probability p, else one of w = 4 wrong numbers; a judge
 * is right with probability r; an aggregator answers with the plurality of what it is shown.
 */
const TRIALS = 2_000;
const TOLERANCE = 0.035;
const RIGHT = 42;
const OPENINGS = ['By counting', 'Clearly', 'I multiply twice and find', 'From the table'];

/** mulberry32: the same numbers in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function upstream(p: number, r: number, random: () => number): RunOptions['script'] {
  const generate = () => {
    const answer = random() < p ? RIGHT : [17, 23, 99, 7][Math.floor(random() * 4)];
    // Drafts are all worded differently, as samples are.
    return `${OPENINGS[Math.floor(random() * 4)]} ${random()}, the final answer is ${answer}`;
  };
  const judge = ({ messages }: ChatRequest) => {
    const isRight = contentText(messages.at(-1)?.content).includes(`answer is ${RIGHT}`);
    return `Rating: ${isRight === random() < r ? 8 : 3}/10`;
  };
  return {
    answer: generate,
    candidate: generate,
    draft: generate,
    critique: () => 'No idea which is best.',
    judge,
    synthesis: aggregate,
  };
}

function aggregate({ messages }: ChatRequest): string {
  const counts = new Map<string, number>();
  for (const [, answer = ''] of JSON.stringify(messages).matchAll(/the final answer is (\d+)/g))
    counts.set(answer, (counts.get(answer) ?? 0) + 1);
  const [best] = [...counts].toSorted(([, a], [, b]) => b - a);
  return `In sum, the final answer is ${best?.[0]}`;
}

async function accuracy(approach: string, p: number, r: number, options: Partial<RunOptions> = {}): Promise<number> {
  const random = seeded(1 + Math.round(p * 100) + Math.round(r * 10_000));
  const script = upstream(p, r, random);
  const capabilities = new Capabilities();
  const plugins = [none, re2, cotReflection, bon, moa, selfConsistency];
  let right = 0;
  for (let trial = 0; trial < TRIALS; trial++) {
    const run = await runApproach(approach, { plugins, script, capabilities, ...options });
    if (run.text?.endsWith(`is ${RIGHT}`)) right++;
  }
  return right / TRIALS;
}

const near = (value: number, table: number) =>
  expect(Math.abs(value - table), `${value} against ${table}`).toBeLessThanOrEqual(TOLERANCE);

describe('expected accuracy', { timeout: 60_000 }, () => {
  test.each([
    { N: 3, p: 0.5, r: 0.9, table: 0.8 },
    { N: 3, p: 0.5, r: 0.8, table: 0.725 },
    { N: 3, p: 0.3, r: 0.8, table: 0.504 },
    { N: 5, p: 0.3, r: 0.8, table: 0.583 },
    { N: 5, p: 0.3, r: 0.9, table: 0.7 },
    { N: 2, p: 0.7, r: 0.9, table: 0.868 },
    { N: 6, p: 0.5, r: 0.9, table: 0.888 },
  ])('bon: best($N, $p, $r)', async ({ N, p, r, table }) => {
    near(await accuracy('bon', p, r, { request: { best_of_n: N } }), table);
  });

  test.each([
    { k: 3, p: 0.4, table: 0.46 },
    { k: 3, p: 0.6, table: 0.72 },
    { k: 3, p: 0.8, table: 0.92 },
    { k: 5, p: 0.4, table: 0.549 },
    { k: 5, p: 0.6, table: 0.835 },
    { k: 5, p: 0.8, table: 0.976 },
  ])('moa: plur($k, $p)', async ({ k, p, table }) => {
    near(await accuracy('moa', p, 1, { request: { moa_proposers: k }, n: k === 5 ? 'ignores' : 'honours' }), table);
  });

  test.each([
    { k: 5, p: 0.4, table: 0.549 },
    { k: 5, p: 0.6, table: 0.835 },
    { k: 5, p: 0.8, table: 0.976 },
    { k: 9, p: 0.4, table: 0.665 },
    { k: 9, p: 0.6, table: 0.94 },
    { k: 9, p: 0.8, table: 0.998 },
  ])('self_consistency: plur($k, $p)', async ({ k, p, table }) => {
    near(await accuracy('self_consistency', p, 1, { request: { self_consistency_samples: k } }), table);
  });

  test('self_consistency: an early stop changes nothing', async () => {
    const request = { self_consistency_early_stop: true };
    near(await accuracy('self_consistency', 0.6, 1, { request, n: 'ignores' }), 0.835);
  });

  test.each(['none', 're2', 'cot_reflection'])('%s: p', async (approach) => {
    near(await accuracy(approach, 0.6, 1), 0.6);
  });
});
