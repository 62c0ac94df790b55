/** z3: what the solver is given, and what is made of its result. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { createKept } from '../../../core/kept.ts';
import { z3 } from '../../../plugins/approaches/z3/index.ts';
import { anyModel } from '../../support/any-model.ts';
import { startGateway } from '../../support/gateway.ts';
import { scriptedUpstream } from '../../support/scripted-upstream.ts';
import type { Run } from '../../support/scripted-handler.ts';
import {
  held,
  ask,
  RIGHT,
  UNDECLARED,
  ENDLESS,
  fenced,
  formulated,
  degraded,
  counted,
  SOLVED,
  isInstalled,
  releaseSolvers,
} from './z3-run.ts';

afterAll(releaseSolvers);

const CUBES =
  '(declare-const x Int)(declare-const y Int)(declare-const z Int)(assert (= (+ (* x x x) (* y y y) (* z z z)) 42))(check-sat)(get-value (x y z))';

const promptOf = (run: Run, role: string, index = 0) =>
  JSON.stringify(run.calls.filter((call) => call.role === role)[index]?.request.messages);

describe.skipIf(!isInstalled)('the way of the solver (needs the optional package z3-solver)', () => {
  test('takes two calls; the answer’s prompt holds the values and that they are the only ones', async () => {
    const run = await ask({ script: SOLVED });
    expect(counted(run)).toEqual(['six and four', 2, 2]);
    const prompt = promptOf(run, 'synthesis');
    for (const part of ['x 6', 'y 4', 'unique: yes', 'Two unknowns, two equations.']) expect(prompt).toContain(part);
    expect(prompt).not.toContain('SOLVER_CAN_BE_APPLIED');
    expect(degraded(run)).toBeUndefined();
  });

  test('repairs a program from the solver’s own words', async () => {
    const run = await ask({
      script: { ...SOLVED, analysis: [formulated(UNDECLARED)], repair: [`z was missing.\n${fenced(RIGHT)}`] },
    });
    expect(counted(run)).toEqual(['six and four', 3, 3]);
    expect(promptOf(run, 'repair')).toContain('line 5 column');
    expect(promptOf(run, 'repair')).toContain('unknown constant z');
  });

  test('gives up after K programs, and answers directly with the analysis in view', async () => {
    const run = await ask({
      script: {
        analysis: [formulated(UNDECLARED)],
        repair: [fenced(UNDECLARED), fenced(UNDECLARED)],
        answer: ['direct'],
      },
    });
    expect(counted(run)).toEqual(['direct', 4, 4]);
    expect(promptOf(run, 'answer')).toContain('Two unknowns, two equations.');
    expect(degraded(run)).toBe('z3: no result');
    expect(run.exchange.isPartial).toBeUndefined();
  });

  test.each([1, 2, 6])('runs %i programs where so many are asked for', async (z3_max_attempts) => {
    const repair = Array<string>(z3_max_attempts - 1).fill(fenced(UNDECLARED));
    const script = { analysis: [formulated(UNDECLARED)], repair, answer: ['direct'] };
    const run = await ask({ script, request: { z3_max_attempts } });
    expect(counted(run)).toEqual(['direct', z3_max_attempts + 1, z3_max_attempts + 1]);
  });

  test('asks once for a simpler encoding of what is too hard, then answers directly; the next program runs', async () => {
    const run = await ask({
      script: { analysis: [formulated(CUBES)], repair: [fenced(CUBES)], answer: ['direct'] },
      request: { z3_timeout_ms: 1_000 },
    });
    expect(counted(run)).toEqual(['direct', 3, 3]);
    expect(promptOf(run, 'repair')).toContain('simpler encoding');
    expect(run.exchange.isPartial).toBe(true);
    expect((await ask({ script: SOLVED })).text).toBe('six and four');
  });

  test('what was too hard may come out another time, also where no other program is tried', async () => {
    const script = { analysis: [formulated(CUBES)], answer: ['direct'] };
    const run = await ask({ script, request: { z3_max_attempts: 1, z3_timeout_ms: 300 } });
    expect([...counted(run), run.exchange.isPartial]).toEqual(['direct', 2, 2, true]);
  });

  test('kills a solver that heeds no limit', async () => {
    const before = performance.now();
    const run = await ask({
      script: { analysis: [formulated(ENDLESS)], repair: ['I do not know.'], answer: ['direct'] },
      request: { z3_timeout_ms: 300 },
    });
    expect(performance.now() - before).toBeLessThan(300 + 1_500);
    expect(counted(run)).toEqual(['direct', 3, 3]);
    expect((await ask({ script: SOLVED })).text).toBe('six and four');
  });

  test('survives a program that eats all memory', async () => {
    const run = await ask({
      script: { analysis: [formulated(ENDLESS)], repair: ['I do not know.'], answer: ['direct'] },
      file: { z3: { z3_memory_mb: 128 } },
    });
    expect(counted(run)).toEqual(['direct', 3, 3]);
    expect(promptOf(run, 'repair')).toContain('out of memory');
    const next = await ask({ script: SOLVED, file: { z3: { z3_memory_mb: 128 } } });
    expect(next.text).toBe('six and four');
  });

  test.each([
    '(include "/etc/hostname")',
    '(|include| "/etc/hostname")',
    '(set-option :regular-output-channel "/tmp/optigate-z3")',
    '(set-option :diagnostic-output-channel "/tmp/optigate-z3")',
    '(set-option :sat.drat.file "/tmp/optigate-z3")',
    // What a reader of the standard takes for one quoted symbol, or one string.
    String.raw`(declare-const |a\|b| Int)(include "/etc/hostname")(declare-const |c\|d| Int)`,
    '(echo \ud800" (include "/etc/hostname") ")',
  ])('does not run %j', async (program) => {
    const run = await ask({
      script: { ...SOLVED, analysis: [formulated(`${program}\n${RIGHT}`)], repair: [fenced(RIGHT)] },
    });
    expect(counted(run)).toEqual(['six and four', 3, 3]);
    expect(promptOf(run, 'repair')).toContain('The program was not run');
  });

  test('does not run what is longer than 64 kB', async () => {
    const long = `; ${'x'.repeat(65_536)}\n${RIGHT}`;
    const run = await ask({ script: { ...SOLVED, analysis: [formulated(long)], repair: [fenced(RIGHT)] } });
    expect(promptOf(run, 'repair')).toContain('longer than 64 kB');
  });

  test.each(['smt2', 'python'])('tells the language where Python stands in a %s fence', async (tag) => {
    const python = 'from z3 import *\nx = Int("x")\nprint(x)';
    const run = await ask({ script: { ...SOLVED, analysis: [formulated(python, tag)], repair: [fenced(RIGHT)] } });
    expect(counted(run)).toEqual(['six and four', 3, 3]);
    expect(promptOf(run, 'repair')).toContain('must be SMT-LIB 2');
  });

  test('reads bold markers, upper-case fence words and carriage returns', async () => {
    const reply = `Analysis.\n**SOLVER_CAN_BE_APPLIED:** true\n${fenced(RIGHT, 'SMT2')}`.replaceAll('\n', '\r\n');
    const run = await ask({ script: { ...SOLVED, analysis: [reply] } });
    expect(counted(run)).toEqual(['six and four', 2, 2]);
  });

  test('asks for a shorter program where one was cut', async () => {
    const cut = { text: formulated(RIGHT).replace(/\n```$/, ''), finish: 'length' };
    const run = await ask({ script: { ...SOLVED, analysis: [cut], repair: [fenced(RIGHT)] } });
    expect(counted(run)).toEqual(['six and four', 3, 3]);
    expect(promptOf(run, 'repair')).toContain('shorter');
  });

  test('a contradiction is a result', async () => {
    const run = await ask({
      script: { ...SOLVED, analysis: [formulated('(declare-const x Int)(assert (> x x))(check-sat)(get-value (x))')] },
    });
    expect(counted(run)).toEqual(['six and four', 2, 2]);
    expect(promptOf(run, 'synthesis')).toContain('There is no solution');
  });

  test('a contradiction where an optimum is sought is doubted once', async () => {
    const none = '(declare-const x Int)(assert (> x x))(maximize x)(check-sat)(get-value (x))';
    const best = '(declare-const x Int)(assert (< x 9))(maximize x)(check-sat)(get-value (x))';
    const run = await ask({ script: { ...SOLVED, analysis: [formulated(none)], repair: [fenced(best)] } });
    expect(counted(run)).toEqual(['six and four', 3, 3]);
    expect(promptOf(run, 'synthesis')).toContain('((x 8))');
    const again = await ask({ script: { ...SOLVED, analysis: [formulated(none)], repair: [fenced(none)] } });
    expect(counted(again)).toEqual(['six and four', 3, 3]);
    expect(promptOf(again, 'synthesis')).toContain('There is no solution');
  });

  test('streams the answer live', async () => {
    const run = await ask({ script: SOLVED, request: { stream: true } });
    expect(run.reply.kind).toBe('stream');
    expect(counted(run)).toEqual(['six and four', 2, 2]);
    expect(run.calls.map(({ request }) => request.stream ?? false)).toEqual([false, true]);
  });

  test('makes three choices at once', async () => {
    const every = (text: string) => () => text;
    const script = { analysis: every(formulated(RIGHT)), synthesis: every('six and four') };
    const run = await ask({ script, request: { n: 3 } });
    expect([run.completion.choices.length, run.calls.length]).toEqual([3, 6]);
    // What follows waits for a solver in each run, so that only these go out in one step.
    const analyses = run.calls.filter(({ role }) => role === 'analysis');
    expect(analyses.map(({ start_ms }) => start_ms)).toEqual([0, 0, 0]);
  });

  test('makes the same calls again, byte for byte', async () => {
    const script = { ...SOLVED, analysis: [formulated(UNDECLARED)], repair: [fenced(RIGHT)] };
    const [a, b] = [await ask({ script }), await ask({ script })];
    expect(a.calls.map(({ bytes }) => bytes)).toEqual(b.calls.map(({ bytes }) => bytes));
  });

  test('notes what it ran and what came of it', async () => {
    const script = { ...SOLVED, analysis: [formulated(UNDECLARED)], repair: [fenced(RIGHT)] };
    const run = await ask({ script, request: { optigate: { trace: true } } });
    expect(JSON.stringify(run.completion)).toContain('"executions":["error","ok"]');
    expect(JSON.stringify(run.completion)).toContain('"is_unique":true');
  });
});

describe('without the optional package', () => {
  const missing = [z3(() => undefined)];

  test('the plugin loads, and answers directly', async () => {
    const run = await ask({ plugins: missing, script: { answer: ['direct'] } });
    expect(counted(run)).toEqual(['direct', 1, 1]);
    expect(degraded(run)).toBe('z3: z3-solver is not installed');
  });
});

describe('a solver that does not start', () => {
  test('is no error of the request', async () => {
    const run = await ask({
      plugins: [z3(() => '/nowhere/z3-built.js')],
      kept: createKept(),
      script: { analysis: [formulated(RIGHT)], answer: ['direct'] },
    });
    expect(counted(run)).toEqual(['direct', 2, 2]);
    expect(degraded(run)).toBe('z3: the solver does not start');
  });
});

describe.skipIf(!isInstalled)('too many programs at once (needs the optional package z3-solver)', () => {
  test('are no error of the request', async () => {
    const file = { z3: { z3_processes: 1 } };
    await ask({ script: SOLVED, file });
    const solvers = [...held].at(-1)!;
    const leaving = new AbortController();
    const filling = Array.from({ length: 1_001 }, () =>
      solvers.run(() => once(leaving.signal, 'abort'), leaving.signal).catch(() => undefined),
    );
    const run = await ask({ script: { analysis: [formulated(RIGHT)], answer: ['direct'] }, file });
    leaving.abort();
    await Promise.all(filling);
    expect(counted(run)).toEqual(['direct', 2, 2]);
    expect(degraded(run)).toBe('z3: the solvers are busy');
  });
});

describe.skipIf(!isInstalled)('over HTTP (needs the optional package z3-solver)', () => {
  const children = () =>
    readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(/\s+/).filter(Boolean);

  test.skipIf(process.platform !== 'linux')(
    'no process before the first request, and none after the last',
    async () => {
      const before = children();
      await using upstream = await scriptedUpstream(anyModel());
      const gateway = await startGateway(upstream, { yaml: 'plugins: [z3]' });
      const opened = () => children().filter((pid) => !before.includes(pid));
      expect(opened()).toEqual([]);
      for (const stream of [false, true]) {
        const response = await gateway.chat({ optillm_approach: 'z3', stream });
        expect([response.status, (await response.text()).includes('42')]).toEqual([200, true]);
      }
      expect(opened().length).toBe(1);
      await gateway.close();
      await expect.poll(opened).toEqual([]);
    },
  );
});

describe('options', () => {
  test.each([
    { z3_max_attempts: 7 },
    { z3_timeout_ms: 99 },
    { z3_program_max_tokens: 100 },
    { z3_memory_mb: 4096 },
    { z3_processes: 16 },
    { z3_language: 'python' },
  ])('%o in a request is a 400', async (options) => {
    const [name = ''] = Object.keys(options);
    await expect(ask({ script: {}, request: { optigate: { z3: options } } })).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining(name) as string,
    });
  });

  test('set the limits and temperatures of the calls', async () => {
    const run = await ask({
      script: SOLVED,
      request: { optigate: { z3: { z3_program_max_tokens: 600, max_tokens: 700 } } },
    });
    expect(run.calls.map(({ request }) => [request.max_tokens, request.temperature])).toEqual([
      [600, 0.1],
      [700, 0.1],
    ]);
  });
});
