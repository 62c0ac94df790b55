import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../core/clock.ts';
import { execute, type Outcome } from '../../../plugins/approaches/z3/execution.ts';
import { SolverPool, SolverUnavailable, type PoolSettings } from '../../../plugins/approaches/z3/pool.ts';
import { findSolver } from '../../../plugins/approaches/z3/solver-package.ts';

/** Ends in no time of its own, and heeds no time limit. */
const ENDLESS = '(define-fun-rec f ((n Int)) Int (f (+ n 1)))(simplify (f 0))';
const EASY = '(declare-const x Int)(assert (= x 7))(check-sat)(get-value (x))';

const modulePath = findSolver();
const pools: SolverPool[] = [];
const never = new AbortController().signal;

function pool(settings: Partial<PoolSettings> = {}): SolverPool {
  const made = new SolverPool({ modulePath: modulePath ?? '', size: 2, memoryMb: 512, clock: systemClock, ...settings });
  made.hold();
  pools.push(made);
  return made;
}

const run = (solvers: SolverPool, program: string, timeoutMs = 5_000, signal = never): Promise<Outcome> =>
  solvers.run((solver) => execute(program, solver, timeoutMs), signal);

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

afterEach(() => {
  for (const made of pools.splice(0)) made.release();
});

describe.skipIf(modulePath === undefined)('solvers (needs the optional package z3-solver)', () => {
  test('come right 200 times in a row, 4 at a time, in few processes', async () => {
    const solvers = pool();
    const pids = new Set<number>();
    const one = async (i: number) => {
      const outcome = await run(
        solvers,
        `(declare-const x Int)(declare-const y Int)(assert (= (+ x y) ${2 * i}))(assert (= (- x y) 2))(check-sat)(get-value (x y))`,
      );
      for (const pid of solvers.pids) pids.add(pid);
      expect(outcome).toMatchObject({ kind: 'ok', isUnique: true });
      const values = outcome.kind === 'ok' ? outcome.output.replaceAll(/[\s()]+/g, ' ').replaceAll('- ', '-') : '';
      expect(values).toContain(`x ${i + 1} y ${i - 1}`);
    };
    for (let i = 0; i < 200; i += 4) await Promise.all([0, 1, 2, 3].map((offset) => one(i + offset)));
    expect(solvers.pids.length).toBeLessThanOrEqual(2);
    // 50 jobs each, then a new one.
    expect(pids.size).toBeGreaterThanOrEqual(4);
    expect(pids.size).toBeLessThanOrEqual(6);
  });
});
