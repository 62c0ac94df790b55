/** Each approach is right as often as probability theory says, so that what it samples, judges and votes on does count. */
import { describe, expect, test } from 'vitest';
import { findSolver } from '../../../plugins/approaches/z3/solver-package.ts';
import { accuracyOf, boundsOf } from '../../support/accuracy.ts';
import { EXPECTATIONS } from '../../support/accuracy-table.ts';

/** Enough to tell a law from its neighbours; `npm run bench -- --only accuracy` measures more of them. */
const TRIALS = 600;

const isInstalled = findSolver() !== undefined;

/** What waits for processes begins first: the others compute meanwhile. */
const expectations = EXPECTATIONS.toSorted((a, b) => (a.maxTrials ?? TRIALS) - (b.maxTrials ?? TRIALS));

describe.concurrent('expected accuracy', { timeout: 120_000 }, () => {
  for (const expectation of expectations) {
    const { approach, law, odds, expected } = expectation;
    const given = Object.entries(odds).map(([name, value]) => `${name} = ${value}`);
    // z3 needs the optional package z3-solver.
    test.skipIf(approach === 'z3' && !isInstalled)(`${approach}: ${law} at ${given.join(', ')}`, async () => {
      const measured = await accuracyOf(expectation, TRIALS);
      const { least, most } = boundsOf(expectation, TRIALS);
      const found = `${measured.toFixed(4)} against ${expected}, accepted from ${least} to ${most}`;
      expect(measured >= least && measured <= most, found).toBe(true);
    });
  }
});
