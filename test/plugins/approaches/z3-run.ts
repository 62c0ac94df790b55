/** z3 over a scripted model, with solvers that all tests of a file share. */
import { createKept, type Kept } from '../../../core/kept.ts';
import z3Plugin from '../../../plugins/approaches/z3/index.ts';
import { findSolver } from '../../../plugins/approaches/z3/solver-package.ts';
import { Solvers } from '../../../plugins/approaches/z3/solver.ts';
import { runApproach, type Run, type RunOptions } from '../../support/scripted-handler.ts';

/** The same solvers for all tests of a file, until it releases them, as for all requests of a server. */
export const held = new Set<Solvers>();
const own = createKept();
const kept: Kept = {
  keep<T>(key: string, create: () => T): T {
    const value = own.keep(key, create);
    if (value instanceof Solvers && !held.has(value)) {
      value.sandbox.hold();
      held.add(value);
    }
    return value;
  },
};

export const releaseSolvers = () => {
  for (const { sandbox } of held) sandbox.release();
};

export const ask = (options: RunOptions) => runApproach('z3', { plugins: [z3Plugin], kept, ...options });

const SUM = '(declare-const x Int)\n(declare-const y Int)\n(assert (= (+ x y) 10))\n(assert (= (- x y) 2))\n';
export const RIGHT = `${SUM}(check-sat)\n(get-value (x y))`;
export const UNDECLARED = `${SUM}(assert (> z 3))\n(check-sat)\n(get-value (x y))`;
/** Neither ends nor heeds a time limit; takes more and more memory. */
export const ENDLESS = '(define-fun-rec f ((n Int)) Int (f (+ n 1)))(simplify (f 0))';

export const fenced = (program: string, tag = 'smt2') => `\`\`\`${tag}\n${program}\n\`\`\``;
export const formulated = (program: string, tag = 'smt2') =>
  `Two unknowns, two equations.\nSOLVER_CAN_BE_APPLIED: True\nSOLVER_FORMULATION:\n${fenced(program, tag)}`;
export const degraded = (run: Run) => run.exchange.headers.get('x-optigate-degraded');
export const counted = (run: Run) => [run.text, run.calls.length, run.rounds];

export const SOLVED = { analysis: [formulated(RIGHT)], synthesis: ['six and four'] };

export const isInstalled = findSolver() !== undefined;
