/** How often is an approach right, compared with one plain call? Measured with a simulated model, without a network. */
import { findSolver } from '../../plugins/approaches/z3/solver-package.ts';
import { EXPECTATIONS } from '../../test/support/accuracy-table.ts';
import { accuracyOf, boundsOf, type Expectation } from '../../test/support/accuracy.ts';
import { spreadOf, type Row } from '../measure.ts';
import type { Question } from '../stage.ts';

/** 500 trials. */
const PARTS = 5;
const TRIALS_PER_PART = 100;

/** Rows `right answers of <approach>`: bare is a plain call. */
export const accuracy: Question = {
  name: 'accuracy',
  title: 'How often is an approach right, beside one plain call of the same simulated model?',
  async ask() {
    const rows: Row[] = [];
    for (const expectation of EXPECTATIONS) if (expectation.isTypical) rows.push(await rowOf(expectation));
    return rows;
  },
};

async function rowOf(expectation: Expectation): Promise<Row> {
  const { approach, law, odds, expected } = expectation;
  const given = Object.entries(odds).map(([name, value]) => `${name} = ${value}`);
  const { least } = boundsOf(expectation);
  const row = {
    name: `right answers of ${approach}`,
    unit: '%',
    figureUnit: '%',
    isFloor: true,
    budget: 100 * least,
    stretch: 100 * expected,
  };
  if (approach === 'z3' && findSolver() === undefined) return { ...row, note: 'z3-solver is not installed' };
  const plain = { approach: 'none', law: 'p', odds, expected: odds.p };
  const [bare, reached] = [await percentages(plain), await percentages(expectation)];
  return {
    ...row,
    bare: spreadOf(bare),
    optigate: spreadOf(reached),
    figure: reached.reduce((sum, one) => sum + one, 0) / reached.length,
    note: `bare is a plain call, stretch ${law} at ${given.join(', ')}`,
  };
}

async function percentages(expectation: Expectation): Promise<readonly number[]> {
  const shares: number[] = [];
  for (let part = 0; part < PARTS; part++) shares.push(100 * (await accuracyOf(expectation, TRIALS_PER_PART, part)));
  return shares;
}
