/**
 * What probability theory expects of each approach: plur(k, p) is what most of k solutions come to (of equals the first),
 * best(k, p, r) the first of the k that a judge finds right. The figures are worked out apart from the code under test.
 */
import type { Expectation } from './accuracy.ts';
import { branching, learning, rewriting, solving, verified, withSharedLies } from './statistical-steps.ts';
import type { Odds } from './statistical-upstream.ts';

const of = (
  approach: string,
  law: string,
  odds: Odds,
  expected: number,
  more: Partial<Expectation> = {},
): Expectation => ({ approach, law, odds, expected, ...more });

const TYPICAL = { isTypical: true };
const AT_LEAST = { most: 1 };
const IGNORES_N = { n: 'ignores' } as const;

const consistent = (k: number, p: number, expected: number, more?: Partial<Expectation>) =>
  of('self_consistency', `plur(${k}, p)`, { p }, expected, { request: { self_consistency_samples: k }, ...more });

const mixed = (k: number, p: number, expected: number, more?: Partial<Expectation>) =>
  of('moa', `plur(${k}, p)`, { p }, expected, { request: { moa_proposers: k }, ...more });

const best = (k: number, p: number, r: number, expected: number, more?: Partial<Expectation>) =>
  of('bon', `best(${k}, p, r)`, { p, r }, expected, { request: { best_of_n: k }, ...more });

const searched = (S: number, odds: Odds, expected: number, more?: Partial<Expectation>) =>
  of('mcts', `best(${S}, p, r)`, odds, expected, { request: { mcts_simulations: S }, ...more });

/** More than the law, where lies give something away. */
const proved = (r: number, expected: number, more?: Partial<Expectation>) => [
  of('pvg', 'best(6, p, r)', { p: 0.5, r }, expected, more),
  of('pvg', '> best(6, p, r), lies as others err', { p: 0.5, r }, expected, {
    upstream: withSharedLies,
    least: expected,
    ...AT_LEAST,
  }),
];

/** Of a solution with V verifications, which is all there is. */
const passed = (V: number, odds: Odds, expected: number, more?: Partial<Expectation>) =>
  of('mars', `verified: p·r^${V} / (p·r^${V} + (1−p)(1−r)^${V})`, odds, expected, {
    request: {
      mars_config: {
        num_agents: 1,
        enable_aggregation: false,
        enable_strategy_network: false,
        verification_passes_required: V,
        max_verification_attempts: V,
        max_iterations: 0,
      },
    },
    upstream: verified,
    isConditional: true,
    ...more,
  });

/** The steps of `cepo` that play no part in the choice are left out. */
const rated = (type: string, law: string, odds: Odds, expected: number, more?: Partial<Expectation>) =>
  of('cepo', `${law}, ${type}`, odds, expected, {
    request: {
      bestofn_rating_type: type,
      planning_n: 1,
      planning_max_tokens_step1: 0,
      planning_max_tokens_step3: 0,
    },
    ...more,
  });

const roundTrip = (m: number, expected: number, more?: Partial<Expectation>) =>
  of('rto', `p² + 2p(1−p)·${m}`, { p: 0.6 }, expected, { upstream: rewriting(m), ...more });

/** With principles right with 0.9 in place of p. */
const learned = (E: number, s: number, expected: number, more?: Partial<Expectation>) =>
  of('leap', `p + (0.9−p)·(1 − (1−${s})^${E})`, { p: 0.5 }, expected, {
    request: { leap_max_examples: E, leap_cache: false },
    upstream: learning(s, 0.9),
    ...more,
  });

const branches = (g: number, select: string, law: string, p: number, expected: number, more?: Partial<Expectation>) =>
  of('plansearch', law, { p }, expected, {
    request: { plansearch_mode: 'tree', plansearch_branches: g, plansearch_select: select },
    upstream: branching,
    ...more,
  });

export const EXPECTATIONS: readonly Expectation[] = [
  of('none', 'p', { p: 0.6 }, 0.6, TYPICAL),
  of('re2', 'p', { p: 0.6 }, 0.6, TYPICAL),
  of('cot_reflection', 'p', { p: 0.6 }, 0.6, TYPICAL),

  consistent(5, 0.4, 0.549),
  consistent(5, 0.6, 0.835, TYPICAL),
  consistent(5, 0.8, 0.976),
  consistent(9, 0.4, 0.665),
  consistent(9, 0.6, 0.94),
  consistent(9, 0.8, 0.998),
  of('self_consistency', 'plur(5, p), stops early', { p: 0.6 }, 0.835, {
    request: { self_consistency_early_stop: true },
    ...IGNORES_N,
  }),

  mixed(3, 0.4, 0.46),
  mixed(3, 0.6, 0.72, TYPICAL),
  mixed(3, 0.8, 0.92),
  mixed(5, 0.4, 0.549, IGNORES_N),
  mixed(5, 0.6, 0.835, IGNORES_N),
  mixed(5, 0.8, 0.976, IGNORES_N),

  best(3, 0.5, 0.9, 0.8, TYPICAL),
  best(3, 0.5, 0.8, 0.725),
  best(3, 0.3, 0.8, 0.504),
  best(5, 0.3, 0.8, 0.583),
  best(5, 0.3, 0.9, 0.7),
  best(2, 0.7, 0.9, 0.868),
  best(6, 0.5, 0.9, 0.888),

  searched(2, { p: 0.5, r: 0.9 }, 0.7, TYPICAL),
  searched(3, { p: 0.5, r: 0.9 }, 0.8),

  ...proved(0.8, 0.791),
  ...proved(0.9, 0.888, TYPICAL),

  of('rstar', 'weighted votes', { p: 0.4 }, 0.68, { least: 0.66, ...AT_LEAST }),
  of('rstar', 'weighted votes', { p: 0.6 }, 0.95, { least: 0.93, ...AT_LEAST, ...TYPICAL }),
  of('rstar', 'weighted votes', { p: 0.8 }, 0.999, { least: 0.99, ...AT_LEAST }),

  passed(1, { p: 0.5, r: 0.8 }, 0.8),
  passed(2, { p: 0.5, r: 0.8 }, 0.94),
  passed(1, { p: 0.3, r: 0.9 }, 0.79),
  passed(2, { p: 0.3, r: 0.9 }, 0.97),
  passed(2, { p: 0.5, r: 0.9 }, 0.988, TYPICAL),

  // Of those rated alike the answer of most wins, which is more often right than the first.
  rated('absolute', 'best(3, p, r)', { p: 0.5, r: 0.9 }, 0.8, { ...AT_LEAST, ...TYPICAL }),
  rated('absolute', 'best(3, p, r)', { p: 0.5, r: 0.8 }, 0.725, AT_LEAST),
  rated('pairwise', 'best(3, p, r)', { p: 0.5, r: 0.9 }, 0.8, AT_LEAST),
  rated('pairwise', 'best(3, p, r)', { p: 0.7, r: 0.8 }, 0.874, AT_LEAST),
  rated('majority', 'plur(3, p)', { p: 0.5 }, 0.594),

  roundTrip(0.8, 0.744, TYPICAL),
  roundTrip(0.5, 0.6),

  learned(3, 1, 0.9),
  learned(2, 0.5, 0.8, TYPICAL),
  learned(3, 0, 0.5),

  of('plansearch', 'p, a chain', { p: 0.2 }, 0.2),
  branches(8, 'judge', '1 − (1−p)^8, a tree', 0.2, 0.832, TYPICAL),
  branches(3, 'plurality', 'plur(3, p), a tree', 0.6, 0.72),

  of('z3', '0.6·(1 + 0.3 + 0.3²) + 0.3³·p', { p: 0.4 }, 0.845, {
    upstream: solving(0.6, 0.3),
    // The solver is real.
    maxTrials: 200,
    ...TYPICAL,
  }),
];
