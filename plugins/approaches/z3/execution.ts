/** Runs a program and says what came of it. */
import { LONGEST_OUTPUT } from './protocol.ts';
import { commandsOf, pairsOf, reasonToReject, type Command } from './smtlib.ts';
import type { Evaluation, Solver } from './solver.ts';

/** What an execution came to. */
export type Outcome =
  | {
      readonly kind: 'ok';
      /** What the program printed, with what was asked beside it. */
      readonly output: string;
      readonly hasSolution: boolean;
      readonly isOptimization: boolean;
      /** Undefined where it was not found out. */
      readonly isUnique: boolean | undefined;
    }
  | { readonly kind: 'error'; readonly message: string }
  /** Too hard as it is written. */
  | { readonly kind: 'unknown' | 'timeout' | 'crash'; readonly message: string };

/** From its own limit on the solver should stop by itself; so much later it is killed. */
const GRACE_MS = 1_000;
/** For what is asked beside the program. */
const EXTRA_MS = 1_000;

const OPTIMIZING: ReadonlySet<string> = new Set(['minimize', 'maximize', 'assert-soft']);
const READING: ReadonlySet<string> = new Set(['get-value', 'get-model', 'get-objectives', 'eval']);
/** With these the solver is, at the end, not where its values are from. */
const MOVING: ReadonlySet<string> = new Set(['push', 'pop', 'reset', 'reset-assertions', 'exit']);
/** What an optimum is made of that no solution has: infinity, or the distance to a limit. */
const MISSED = /\b(?:oo|epsilon)\b/;

export async function execute(program: string, solver: Solver, timeoutMs: number): Promise<Outcome> {
  const startedAt = performance.now();
  await solver.evaluate(`(set-option :timeout ${timeoutMs})`, timeoutMs + GRACE_MS);
  const commands = commandsOf(program);
  const evaluation = await solver.evaluate(program, timeoutMs + GRACE_MS);
  const outcome = classify(evaluation, commands);
  if (outcome.kind === 'unknown') return { kind: 'unknown', message: await reasonUnknown(solver, outcome.message) };
  if (outcome.kind !== 'ok' || !outcome.hasSolution) return outcome;
  const left = Math.min(EXTRA_MS, Math.round(timeoutMs - (performance.now() - startedAt)));
  if (left < 10) return outcome;
  await solver.evaluate(`(set-option :timeout ${left})`, left + GRACE_MS);
  const missed = await missedOptimum(outcome, commands, solver, left);
  if (missed !== undefined) return { ...outcome, output: `${outcome.output}\n${missed}` };
  const solved = await withDecimals(outcome, commands, solver, left);
  return { ...solved, isUnique: await isOnlySolution(commands, solver, left) };
}

/** A program that must not run is an error of the program. */
export function rejected(program: string): Outcome | undefined {
  const reason = reasonToReject(program);
  return reason === undefined ? undefined : { kind: 'error', message: `The program was not run: ${reason}.` };
}

type Solved = Extract<Outcome, { kind: 'ok' }>;

export function classify(evaluation: Evaluation, commands: readonly Command[]): Outcome {
  if ('ended' in evaluation) {
    const { ended } = evaluation;
    if (ended === 'timeout') return { kind: 'timeout', message: 'the time limit was exceeded' };
    return { kind: 'crash', message: ended === 'crash' ? 'the solver ended' : 'out of memory' };
  }
  const { output } = evaluation;
  const lines = output.split('\n').map((line) => line.trim());
  const isError = (line: string, index: number) =>
    line.startsWith('(error') &&
    !(line.includes('model is not available') && lastVerdict(lines.slice(0, index)) !== 'sat');
  // Also where sat follows: after an error the solver goes on with fewer assertions.
  if (lines.some(isError)) return { kind: 'error', message: output.trim() };
  // An error may stand in what is cut off.
  if (output.length > LONGEST_OUTPUT)
    return {
      kind: 'error',
      message: `The program prints more than ${LONGEST_OUTPUT} characters. Ask for the values that answer the question alone.`,
    };
  if (output.trim() === '') return { kind: 'error', message: 'The program prints nothing.' };
  if (lines.includes('unknown')) return { kind: 'unknown', message: output.trim() };
  return {
    kind: 'ok',
    output: output.trim(),
    hasSolution: lastVerdict(lines) !== 'unsat',
    isOptimization: commands.some(({ name }) => OPTIMIZING.has(name)),
    isUnique: undefined,
  };
}

/** What the last check-sat came to; undefined where there was none. */
function lastVerdict(lines: readonly string[]): string | undefined {
  return lines.findLast((line) => line === 'sat' || line === 'unsat' || line === 'unknown');
}

async function reasonUnknown(solver: Solver, output: string): Promise<string> {
  const reason = await solver.evaluate('(get-info :reason-unknown)', GRACE_MS);
  return 'output' in reason ? `${output}\n${reason.output.trim()}` : output;
}

/** Where no solution has the optimum, the solver prints any one as if it had; only the objectives tell. */
async function missedOptimum(
  { isOptimization }: Solved,
  commands: readonly Command[],
  solver: Solver,
  limitMs: number,
): Promise<string | undefined> {
  if (!isOptimization || !isOneQuestion(commands)) return undefined;
  const objectives = await read(solver, '(get-objectives)', limitMs);
  if (objectives === undefined || !pairsOf(objectives).some(([, value]) => MISSED.test(value))) return undefined;
  return `No solution reaches the optimum (oo: it has no bound, epsilon: it is only approached):\n${objectives.trim()}`;
}

function isOneQuestion(commands: readonly Command[]): boolean {
  const checks = commands.filter(({ name }) => name.startsWith('check-sat'));
  return checks.length === 1 && checks[0]?.name === 'check-sat' && !commands.some(({ name }) => MOVING.has(name));
}

/** The values once more, with decimals for the numbers that were printed as roots of polynomials. */
async function withDecimals(
  solved: Solved,
  commands: readonly Command[],
  solver: Solver,
  limitMs: number,
): Promise<Solved> {
  if (!solved.output.includes('root-obj')) return solved;
  const readings = commands.filter(({ name }) => READING.has(name)).map(({ text }) => text);
  const decimals = await read(solver, ['(set-option :pp.decimal true)', ...readings].join('\n'), limitMs);
  await read(solver, '(set-option :pp.decimal false)', limitMs);
  return decimals === undefined ? solved : { ...solved, output: `${solved.output}\nAs decimals:\n${decimals.trim()}` };
}

/** Blocks the values found and asks again, where the program has one question; objectives are held at what was reached. */
async function isOnlySolution(
  commands: readonly Command[],
  solver: Solver,
  limitMs: number,
): Promise<boolean | undefined> {
  const asked = commands.filter(({ name }) => name === 'get-value').flatMap(({ args }) => args.map(inner));
  const isSoft = commands.some(({ name }) => name === 'assert-soft');
  if (isSoft || asked.length === 0 || !isOneQuestion(commands)) return undefined;
  const objectives = commands
    .filter(({ name }) => name === 'minimize' || name === 'maximize')
    .flatMap(({ args }) => args[0] ?? []);
  const valuesOf = async (terms: readonly string[]) =>
    terms.length === 0 ? [] : pairsOf((await read(solver, `(get-value (${terms.join(' ')}))`, limitMs)) ?? '');
  const found = await valuesOf(asked);
  const reached = await valuesOf(objectives);
  if (found.length === 0 || reached.length < objectives.length) return undefined;
  const same = (pairs: readonly (readonly [string, string])[]) =>
    pairs.map(([term, value]) => `(= ${term} ${value})`).join(' ');
  const again = await read(
    solver,
    `${reached.length > 0 ? `(assert (and ${same(reached)}))` : ''}(assert (not (and ${same(found)})))(check-sat)`,
    limitMs,
  );
  if (again?.trim() === 'unsat') return true;
  return again?.trim() === 'sat' ? false : undefined;
}

/** `(x y)` → `x y` */
function inner(list: string): string {
  return list.replace(/^\(/, '').replace(/\)$/, '');
}

/** What the solver prints; undefined where it did not come to it. */
async function read(solver: Solver, text: string, limitMs: number): Promise<string | undefined> {
  const evaluation = await solver.evaluate(text, limitMs + GRACE_MS);
  return 'output' in evaluation && !evaluation.output.includes('(error') ? evaluation.output : undefined;
}
