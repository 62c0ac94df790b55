/** Runs a program and classifies what came of it. */
import { LONGEST_OUTPUT } from './protocol.ts';
import { commandsOf, pairsOf, reasonToReject, type Command } from './smtlib.ts';
import type { Evaluation, Solver } from './solver.ts';

/** The outcome of an execution. */
export type Outcome =
  | {
      readonly kind: 'ok';
      /** What the program printed, and what further evaluations added: an optimum that is missed, decimals. */
      readonly output: string;
      readonly hasSolution: boolean;
      readonly isOptimization: boolean;
      /** Are the values found the only ones? Undefined if that was not found out. */
      readonly isUnique: boolean | undefined;
    }
  | { readonly kind: 'error'; readonly message: string }
  /** The program is too hard as it is written. */
  | { readonly kind: 'unknown' | 'timeout' | 'crash'; readonly message: string };

/** The solver should stop by itself at its time limit; this much later its process is killed. */
const GRACE_MS = 1_000;
/** Time limit of each evaluation after the program. */
const EXTRA_MS = 1_000;

const OPTIMIZING: ReadonlySet<string> = new Set(['minimize', 'maximize', 'assert-soft']);
const READING: ReadonlySet<string> = new Set(['get-value', 'get-model', 'get-objectives', 'eval']);
/** Commands after which the solver is no longer in the state that its values come from. */
const MOVING: ReadonlySet<string> = new Set(['push', 'pop', 'reset', 'reset-assertions', 'exit']);
/** What the solver prints for an optimum that no solution reaches: infinity, or an infinitesimal distance. */
const MISSED = /\b(?:oo|epsilon)\b/;

/** Runs a program on a solver. `timeoutMs` bounds the program; the evaluations after it take at most what is left. */
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
  const session = { commands, solver, limitMs: left };
  const missed = await missedOptimum(outcome, session);
  if (missed !== undefined) return { ...outcome, output: `${outcome.output}\n${missed}` };
  const solved = await withDecimals(outcome, session);
  return { ...solved, isUnique: await isOnlySolution(session) };
}

/** The error of a program that must not run; undefined if it may. */
export function rejected(program: string): Outcome | undefined {
  const reason = reasonToReject(program);
  return reason === undefined ? undefined : { kind: 'error', message: `The program was not run: ${reason}.` };
}

type Solved = Extract<Outcome, { kind: 'ok' }>;

/** A solver that has run a program, and still holds its declarations and assertions. */
interface Session {
  readonly commands: readonly Command[];
  readonly solver: Solver;
  /** Of each evaluation. */
  readonly limitMs: number;
}

/** Reads what the solver printed. Its errors are the program's, also if `sat` follows them. */
function classify(evaluation: Evaluation, commands: readonly Command[]): Outcome {
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
  // After an error the solver goes on without the assertion at fault, so that a following `sat` means nothing.
  if (lines.some(isError)) return { kind: 'error', message: output.trim() };
  // An error may stand in the part that is cut off.
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

/** The result of the last check-sat; undefined if there was none. */
function lastVerdict(lines: readonly string[]): string | undefined {
  return lines.findLast((line) => line === 'sat' || line === 'unsat' || line === 'unknown');
}

async function reasonUnknown(solver: Solver, output: string): Promise<string> {
  const reason = await solver.evaluate('(get-info :reason-unknown)', GRACE_MS);
  return 'output' in reason ? `${output}\n${reason.output.trim()}` : output;
}

/**
 * A note if no solution reaches the optimum; undefined otherwise. The solver then prints some solution as if it were the
 * best one, and only its objectives show that it is not.
 */
async function missedOptimum({ isOptimization }: Solved, session: Session): Promise<string | undefined> {
  const { commands } = session;
  if (!isOptimization || !isOneQuestion(commands)) return undefined;
  const objectives = await read(session, '(get-objectives)');
  if (objectives === undefined || !pairsOf(objectives).some(([, value]) => MISSED.test(value))) return undefined;
  return `No solution reaches the optimum (oo: it has no bound, epsilon: it is only approached):\n${objectives.trim()}`;
}

/** Is there exactly one plain check-sat, so that the solver's state at the end is the one that it answered from? */
function isOneQuestion(commands: readonly Command[]): boolean {
  const checks = commands.filter(({ name }) => name.startsWith('check-sat'));
  return checks.length === 1 && checks[0]?.name === 'check-sat' && !commands.some(({ name }) => MOVING.has(name));
}

/** The values once more, with decimals for the numbers that were printed as roots of polynomials. */
async function withDecimals(solved: Solved, session: Session): Promise<Solved> {
  if (!solved.output.includes('root-obj')) return solved;
  const readings = session.commands.filter(({ name }) => READING.has(name)).map(({ text }) => text);
  const decimals = await read(session, ['(set-option :pp.decimal true)', ...readings].join('\n'));
  await read(session, '(set-option :pp.decimal false)');
  return decimals === undefined ? solved : { ...solved, output: `${solved.output}\nAs decimals:\n${decimals.trim()}` };
}

/**
 * Are the values found the only ones? Excludes them and checks again, with each objective held at the value it reached.
 * Undefined if the program asks more than one question, or the solver does not decide.
 */
async function isOnlySolution(session: Session): Promise<boolean | undefined> {
  const { commands } = session;
  const asked = commands.filter(({ name }) => name === 'get-value').flatMap(({ args }) => args.map(inner));
  const isSoft = commands.some(({ name }) => name === 'assert-soft');
  if (isSoft || asked.length === 0 || !isOneQuestion(commands)) return undefined;
  const objectives = commands
    .filter(({ name }) => name === 'minimize' || name === 'maximize')
    .flatMap(({ args }) => args[0] ?? []);
  const valuesOf = async (terms: readonly string[]) =>
    terms.length === 0 ? [] : pairsOf((await read(session, `(get-value (${terms.join(' ')}))`)) ?? '');
  const found = await valuesOf(asked);
  const reached = await valuesOf(objectives);
  if (found.length === 0 || reached.length < objectives.length) return undefined;
  const same = (pairs: readonly (readonly [string, string])[]) =>
    pairs.map(([term, value]) => `(= ${term} ${value})`).join(' ');
  const again = await read(
    session,
    `${reached.length > 0 ? `(assert (and ${same(reached)}))` : ''}(assert (not (and ${same(found)})))(check-sat)`,
  );
  if (again?.trim() === 'unsat') return true;
  return again?.trim() === 'sat' ? false : undefined;
}

/** `(x y)` → `x y` */
function inner(list: string): string {
  return list.replace(/^\(/, '').replace(/\)$/, '');
}

/** What the solver prints; undefined if it ended before, or printed an error. */
async function read({ solver, limitMs }: Session, text: string): Promise<string | undefined> {
  const evaluation = await solver.evaluate(text, limitMs + GRACE_MS);
  return 'output' in evaluation && !evaluation.output.includes('(error') ? evaluation.output : undefined;
}
