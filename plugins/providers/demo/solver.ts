/** Writes calculations as programs for a solver (SMT-LIB), and reads the solver's results. */
import { evaluate, type Term } from './expression.ts';
import type { Problem } from './questions.ts';

/** Powers are written out as products. The longest one, in characters. */
const LONGEST_PRODUCT = 10_000;

/** The reply to the question whether a solver can help: yes with a program for a calculation, else no. */
export function formulation(problem: Problem | undefined): string {
  const term = problem?.sum;
  const isWhole = term !== undefined && hasWholeValues(term);
  const written = term && toSmtLib(term, isWhole);
  if (written === undefined) return 'There is nothing here that I could compute.\nSOLVER_CAN_BE_APPLIED: False';
  return [
    `An exact calculation with one unknown, its result.`,
    'SOLVER_CAN_BE_APPLIED: True',
    'SOLVER_FORMULATION:',
    '```smt2',
    `(declare-const result ${isWhole ? 'Int' : 'Real'})`,
    `(assert (= result ${written}))`,
    '(check-sat)',
    '(get-value (result))',
    '```',
  ].join('\n');
}

/**
 * The value of `result` if the prompt holds a solver's output, such as `((result (- 8)))` or `((result (/ 5.0 2.0)))`;
 * else undefined.
 */
export function solverResult(text: string): string | undefined {
  const printed = printedIn(text);
  const [numerator, denominator] = printed?.match(/\d+(?:\.\d+)?/g) ?? [];
  if (printed === undefined || numerator === undefined) return undefined;
  const sign = printed.includes('(-') ? '-' : '';
  if (denominator === undefined) return sign + numerator.replace(/\.0$/, '');
  return sign + String(Number.parseFloat((Number(numerator) / Number(denominator)).toPrecision(12)));
}

/** What stands between `((result ` and the last `))` of that line; the last such place counts. */
function printedIn(text: string): string | undefined {
  const mark = '((result ';
  const at = text.lastIndexOf(mark);
  if (at < 0) return undefined;
  const [line = ''] = text.slice(at + mark.length).split('\n', 1);
  const end = line.lastIndexOf('))');
  return end < 1 ? undefined : line.slice(0, end);
}

/** The term in SMT-LIB; undefined if it has a number or power that cannot be written there. */
function toSmtLib(term: Term, isWhole: boolean): string | undefined {
  if (typeof term === 'number') {
    const digits = String(term);
    if (!/^\d+(?:\.\d+)?$/.test(digits)) return undefined;
    return isWhole || digits.includes('.') ? digits : `${digits}.0`;
  }
  const left = toSmtLib(term.left, isWhole);
  if (term.sign === '^') {
    const exponent = evaluate(term.right);
    if (left === undefined || !Number.isInteger(exponent) || exponent < 1) return undefined;
    if (left.length * exponent > LONGEST_PRODUCT) return undefined;
    return exponent === 1 ? left : `(* ${Array<string>(exponent).fill(left).join(' ')})`;
  }
  const right = toSmtLib(term.right, isWhole);
  return left === undefined || right === undefined ? undefined : `(${term.sign} ${left} ${right})`;
}

function hasWholeValues(term: Term): boolean {
  if (typeof term === 'number') return Number.isInteger(term);
  return term.sign !== '/' && hasWholeValues(term.left) && hasWholeValues(term.right);
}
