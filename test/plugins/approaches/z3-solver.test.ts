import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../core/clock.ts';
import { SandboxUnavailable } from '../../../core/sandbox/unavailable.ts';
import { execute, type Outcome } from '../../../plugins/approaches/z3/execution.ts';
import { findSolver } from '../../../plugins/approaches/z3/solver-package.ts';
import { Solvers, type SolverSettings } from '../../../plugins/approaches/z3/solver.ts';

/** Ends in no time of its own, and heeds no time limit. */
const ENDLESS = '(define-fun-rec f ((n Int)) Int (f (+ n 1)))(simplify (f 0))';
const EASY = '(declare-const x Int)(assert (= x 7))(check-sat)(get-value (x))';

const modulePath = findSolver();
const never = new AbortController().signal;

const opened: Solvers[] = [];
afterEach(() => {
  for (const solvers of opened.splice(0)) solvers.sandbox.release();
});

/** Held until they are released. */
function createSolvers(settings: Partial<SolverSettings> = {}): Solvers {
  const solvers = new Solvers({
    modulePath: modulePath ?? '',
    size: 2,
    memoryMb: 512,
    clock: systemClock,
    ...settings,
  });
  solvers.sandbox.hold();
  return solvers;
}

/** Held until the end of the test. */
function solversWith(settings: Partial<SolverSettings> = {}): Solvers {
  const solvers = createSolvers(settings);
  opened.push(solvers);
  return solvers;
}

const run = (solvers: Solvers, program: string, timeoutMs = 5_000): Promise<Outcome> =>
  solvers.run((solver) => execute(program, solver, timeoutMs), never);

describe.skipIf(modulePath === undefined)('solvers (needs the optional package z3-solver)', () => {
  // The package's own promises hand over wrong texts now and then.
  test('come right 60 times in a row, 4 at a time', { timeout: 60_000 }, async () => {
    const solvers = solversWith();
    const one = async (i: number) => {
      const outcome = await run(
        solvers,
        `(declare-const x Int)(declare-const y Int)(assert (= (+ x y) ${2 * i}))(assert (= (- x y) 2))(check-sat)(get-value (x y))`,
      );
      expect(outcome).toMatchObject({ kind: 'ok', isUnique: true });
      const values = outcome.kind === 'ok' ? outcome.output.replaceAll(/[\s()]+/g, ' ').replaceAll('- ', '-') : '';
      expect(values).toContain(`x ${i + 1} y ${i - 1}`);
      expect(solvers.sandbox.pids.length).toBeLessThanOrEqual(2);
    };
    for (let i = 0; i < 60; i += 4) await Promise.all([0, 1, 2, 3].map((offset) => one(i + offset)));
  });

  test('that heed no limit are killed, and the next job gets another one', async () => {
    const solvers = solversWith({ size: 1 });
    await run(solvers, EASY);
    const [outcome, next] = await Promise.all([run(solvers, ENDLESS, 200), run(solvers, EASY)]);
    expect([outcome.kind, next.kind]).toEqual(['timeout', 'ok']);
  });

  test('that run out of memory say so', { timeout: 60_000 }, async () => {
    const solvers = solversWith({ size: 1, memoryMb: 128 });
    expect(await run(solvers, ENDLESS, 60_000)).toEqual({ kind: 'crash', message: 'out of memory' });
    expect((await run(solvers, EASY)).kind).toBe('ok');
  });

  test('that cannot start are unavailable', async () => {
    const solvers = solversWith({ modulePath: '/nowhere/build/z3-built.js' });
    await expect(run(solvers, EASY)).rejects.toThrow(SandboxUnavailable);
    await expect(run(solvers, EASY)).rejects.toThrow(SandboxUnavailable);
  });

  test('have the longest output whole, whatever it is made of', async () => {
    const text = '\u0001'.repeat(15_000);
    const outcome = await run(solversWith(), `(echo "${text}")`);
    expect(outcome.kind === 'ok' && outcome.output.length).toBeGreaterThanOrEqual(15_000);
  });
});

describe.skipIf(modulePath === undefined)('what an execution comes to (needs the optional package z3-solver)', () => {
  const solvers = createSolvers({ size: 1 });
  afterAll(() => solvers.sandbox.release());
  const INT = '(declare-const x Int)';
  const REAL = '(declare-const x Real)';

  test.each<[string, string, Partial<Extract<Outcome, { kind: 'ok' }>>]>([
    ['a solution among others', `${INT}(assert (> x 3))(check-sat)(get-value (x))`, { isUnique: false }],
    ['the only solution', `${INT}(assert (= x 3))(check-sat)(get-value (x))`, { isUnique: true }],
    ['the only optimum', `${INT}(assert (< x 3))(maximize x)(check-sat)(get-value (x))`, { isUnique: true }],
    [
      'the optimum of what is called so',
      '(declare-const epsilon Int)(assert (< epsilon 3))(maximize epsilon)(check-sat)(get-value (epsilon))',
      { isUnique: true },
    ],
    ['two optima', `${INT}(assert (< (* x x) 5))(maximize (* x x))(check-sat)(get-value (x))`, { isUnique: false }],
    ['two questions', `${INT}(assert (= x 3))(check-sat)(get-value (x))(check-sat)`, { isUnique: undefined }],
    [
      'an assumption',
      `${INT}(declare-const a Bool)(assert (=> a (= x 3)))(check-sat)(check-sat-assuming (a))(get-value (x))`,
      { isUnique: undefined },
    ],
    ['no value', `${INT}(check-sat)`, { isUnique: undefined }],
    ['a quotient', `${REAL}(assert (= (* 3 x) 1.0))(check-sat)(get-value (x))`, { output: 'sat\n((x (/ 1.0 3.0)))' }],
    ['a string', '(declare-const s String)(assert (= s "a)""|;"))(check-sat)(get-value (s))', { isUnique: true }],
    ['nothing', `${INT}(assert (> x x))(check-sat)(get-value (x))`, { hasSolution: false }],
  ])('%s', async (_, program, expected) => {
    expect(await run(solvers, program)).toMatchObject({ kind: 'ok', ...expected });
  });

  test.each([
    ['unbounded', `${INT}(maximize x)(check-sat)(get-value (x))`, '(x oo)'],
    ['only approached', `${REAL}(assert (< x 5.0))(maximize x)(check-sat)(get-value (x))`, 'epsilon'],
  ])('an optimum that is %s is told as that', async (_, program, said) => {
    const outcome = await run(solvers, program);
    const output = expect.stringContaining(said) as string;
    expect(outcome).toEqual({ kind: 'ok', hasSolution: true, isOptimization: true, isUnique: undefined, output });
  });

  test('roots have decimals beside them, and are compared as what they are', async () => {
    const outcome = await run(solvers, `${REAL}(assert (= (* x x) 2.0))(assert (> x 0.0))(check-sat)(get-value (x))`);
    expect(outcome).toMatchObject({ kind: 'ok', isUnique: true });
    expect(outcome.kind === 'ok' && outcome.output).toMatch(/root-obj[\s\S]*As decimals:[\s\S]*1\.4142135623/);
  });

  test.each([
    ['sat after an error', `${INT}(assert (> y 3))(check-sat)`, 'error', 'unknown constant y'],
    ['a value that is none', `${INT}(check-sat)(get-value (y))`, 'error', 'unknown constant y'],
    ['an open parenthesis', `${INT}(assert (> x 3)`, 'error', 'line 1'],
    ['nothing printed', INT, 'error', 'prints nothing'],
    [
      'too much printed',
      `${INT}(check-sat)${'(get-value (x))'.repeat(2_000)}(get-value (y))`,
      'error',
      '16000 characters',
    ],
  ])('%s', async (_, program, kind, message) => {
    expect(await run(solvers, program)).toMatchObject({ kind, message: expect.stringContaining(message) as string });
  });

  test('unknown, with the solver’s reason', async () => {
    const cubes = `${INT}(declare-const y Int)(declare-const z Int)(assert (= (+ (* x x x) (* y y y) (* z z z)) 42))`;
    const outcome = await run(solvers, `${cubes}(check-sat)(get-value (x y z))`, 300);
    expect(outcome).toMatchObject({ kind: 'unknown', message: expect.stringContaining('"timeout"') as string });
  });

  test('no program sees what another one set', async () => {
    for (const option of ['pp.decimal true', 'verbose 10', 'verbosity 10'])
      await run(solvers, `(set-option :${option})${EASY}`);
    const outcome = await run(solvers, `${REAL}(assert (= (* 3 x) 1.0))(check-sat)(get-value (x))`);
    expect(outcome).toMatchObject({ output: 'sat\n((x (/ 1.0 3.0)))' });
    expect(solvers.sandbox.pids.length).toBe(1);
  });
});
