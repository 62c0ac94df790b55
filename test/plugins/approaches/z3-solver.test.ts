import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../core/clock.ts';
import { execute, type Outcome } from '../../../plugins/approaches/z3/execution.ts';
import { SolverPool, type PoolSettings } from '../../../plugins/approaches/z3/pool.ts';
import { SolverUnavailable } from '../../../plugins/approaches/z3/solver.ts';
import { SteppedClock } from '../../support/clock.ts';
import { findSolver } from '../../../plugins/approaches/z3/solver-package.ts';

/** Ends in no time of its own, and heeds no time limit. */
const ENDLESS = '(define-fun-rec f ((n Int)) Int (f (+ n 1)))(simplify (f 0))';
const EASY = '(declare-const x Int)(assert (= x 7))(check-sat)(get-value (x))';

const modulePath = findSolver();
const pools: SolverPool[] = [];
const never = new AbortController().signal;

function pool(settings: Partial<PoolSettings> = {}): SolverPool {
  const made = new SolverPool({
    modulePath: modulePath ?? '',
    size: 2,
    memoryMb: 512,
    clock: systemClock,
    ...settings,
  });
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

  test('start with the first request and not before, and end with the last pipeline', async () => {
    const solvers = pool();
    expect(solvers.pids).toEqual([]);
    solvers.warm();
    solvers.warm();
    const [pid = 0] = solvers.pids;
    expect([solvers.pids.length, isAlive(pid)]).toEqual([1, true]);
    // After a reload the new pipeline has the same pool, and the old one ends.
    solvers.hold();
    solvers.release();
    expect((await run(solvers, EASY)).kind).toBe('ok');
    expect(solvers.pids).toContain(pid);
    solvers.release();
    pools.pop();
    await expect.poll(() => isAlive(pid)).toBe(false);
    expect(solvers.pids).toEqual([]);
  });

  test('end also where a request outlives its pipeline', async () => {
    const solvers = pool();
    const [pid = 0] = await solvers.run(async (solver) => {
      solvers.release();
      pools.pop();
      await solver.evaluate(EASY, 1_000);
      return solvers.pids;
    }, never);
    expect((await run(solvers, EASY)).kind).toBe('ok');
    expect([solvers.pids, isAlive(pid)]).toEqual([[], false]);
  });

  test('end when nothing was asked for five minutes', async () => {
    const clock = new SteppedClock();
    const solvers = pool({ clock });
    await run(solvers, EASY);
    const [pid = 0] = solvers.pids;
    clock.advance(299_999);
    expect(solvers.pids).toEqual([pid]);
    clock.advance(1);
    expect(solvers.pids).toEqual([]);
    await expect.poll(() => isAlive(pid)).toBe(false);
  });

  test.skipIf(process.platform !== 'linux')('know nothing of the server’s environment', async () => {
    const solvers = pool();
    await run(solvers, EASY);
    const [pid = 0] = solvers.pids;
    const names = readFileSync(`/proc/${pid}/environ`, 'utf8')
      .split('\0')
      .map((line) => line.split('=')[0]);
    expect(names.filter((name) => name !== '' && !name?.startsWith('NODE_CHANNEL'))).toEqual([]);
  });

  test('that heed no limit are killed, and the next job gets another one', async () => {
    const solvers = pool({ size: 1 });
    await run(solvers, EASY);
    const [pid = 0] = solvers.pids;
    const [outcome, next] = await Promise.all([run(solvers, ENDLESS, 200), run(solvers, EASY)]);
    expect([outcome.kind, next.kind]).toEqual(['timeout', 'ok']);
    expect(isAlive(pid)).toBe(false);
  });

  test('that run out of memory say so', async () => {
    const solvers = pool({ size: 1, memoryMb: 128 });
    expect(await run(solvers, ENDLESS, 10_000)).toEqual({ kind: 'crash', message: 'out of memory' });
    expect((await run(solvers, EASY)).kind).toBe('ok');
  });

  test('are not waited for, nor kept busy, by whoever has left', async () => {
    const solvers = pool({ size: 1 });
    await run(solvers, EASY);
    const [leaving, waiting] = [new AbortController(), new AbortController()];
    const busy = run(solvers, ENDLESS, 60_000, leaving.signal);
    const queued = run(solvers, EASY, 1_000, waiting.signal);
    const last = run(solvers, EASY);
    waiting.abort(new Error('left the queue'));
    await expect(queued).rejects.toThrow('left the queue');
    leaving.abort(new Error('left'));
    await expect(busy).rejects.toThrow('left');
    expect((await last).kind).toBe('ok');
  });

  test('that cannot start are unavailable', async () => {
    const solvers = pool({ modulePath: '/nowhere/build/z3-built.js' });
    await expect(run(solvers, EASY)).rejects.toThrow(SolverUnavailable);
    await expect(run(solvers, EASY)).rejects.toThrow(SolverUnavailable);
  });

  test('are told to be unavailable where the system starts no process at all', async () => {
    // A path that no process can be given: starting one throws at once.
    const solvers = pool({ modulePath: 'no\0path', size: 1 });
    solvers.warm();
    const waiting = [run(solvers, EASY), run(solvers, EASY)];
    for (const one of waiting) await expect(one).rejects.toThrow(SolverUnavailable);
  });

  test('end with a server that is killed, even in the middle of a program', async () => {
    const script = `
      import { SolverPool } from './plugins/approaches/z3/pool.ts';
      import { systemClock } from './core/clock.ts';
      const solvers = new SolverPool({ modulePath: ${JSON.stringify(modulePath)}, size: 2, memoryMb: 512, clock: systemClock });
      solvers.hold();
      setInterval(() => undefined, 1_000);
      const never = new AbortController().signal;
      const endless = (text) => solvers.run(async (solver) => {
        await solver.evaluate('(check-sat)', 10_000);
        console.log(solvers.pids.join(' '));
        return solver.evaluate(text, 60_000);
      }, never);
      await Promise.all([endless(${JSON.stringify(ENDLESS)}), endless(${JSON.stringify(ENDLESS)})]);`;
    const server = spawn(process.execPath, ['--input-type=module', '-e', script], {
      cwd: new URL('../../../', import.meta.url),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    server.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    await expect.poll(() => said.trim().split('\n').length, { timeout: 10_000 }).toBe(2);
    const pids = (said.trim().split('\n').at(-1) ?? '').split(' ').map(Number);
    expect([pids.length, pids.every(isAlive)]).toEqual([2, true]);
    server.kill('SIGKILL');
    await once(server, 'exit');
    await expect.poll(() => pids.filter(isAlive), { timeout: 3_000 }).toEqual([]);
  });
});

describe.skipIf(modulePath === undefined)('what an execution comes to (needs the optional package z3-solver)', () => {
  const solvers = pool({ size: 1 });
  pools.pop();
  afterAll(() => solvers.release());
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
    expect(solvers.pids.length).toBe(1);
  });
});
