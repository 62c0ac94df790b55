import { evaluate, parse, type Term } from './expression.ts';

/** The longest expression that is calculated, in characters. */
const MAX_LENGTH = 200;
/** Words and signs by which a text asks for a calculation: `555-1234` alone is a telephone number. */
const ASKS = /what(?:'s| is)|how much|calculate|compute|evaluate|solve|work out|=/i;

/** A calculation and its result. */
export interface Sum {
  /** As written, with single blanks and signs for words: `17 * 23`. */
  readonly expression: string;
  readonly value: number;
  readonly term: Term;
}

/**
 * The first calculation in a text (`17 * 23`, `(3 + 4) x 5`, `12 plus 7`) with its result; undefined if there is none.
 */
export function findSum(text: string): Sum | undefined {
  const plain = withSigns(text);
  const isAsked = ASKS.test(plain);
  for (const [signs] of plain.matchAll(/[\d\s.,()+*/^-]+/g)) {
    const run = signs.length > 2 * MAX_LENGTH ? signs.trim() : (RUN.exec(signs)?.[0] ?? '');
    if (run.length > MAX_LENGTH) continue;
    const expression = run.replaceAll(/\s+/g, ' ').trim();
    if (!isSum(expression, isAsked)) continue;
    const term = parse(expression.replaceAll(/,(?=\d{3}\b)/g, ''));
    const value = term === undefined ? Number.NaN : evaluate(term);
    if (term !== undefined && Number.isFinite(value)) return { expression, value: tidy(value), term };
  }
  return undefined;
}

/** What of a run of signs may be a calculation. */
const RUN = /[\d(.-][\d\s.,()+*/^-]*[\d)]/;

/** Four plausible wrong results: off by one or ten, or for large numbers off by one or ten in the tenth digit. */
export function slipsOf(value: number): number[] {
  const digits = Math.floor(Math.log10(Math.abs(value) || 1));
  const unit = 10 ** Math.max(0, digits - 9);
  return [value + unit, value - unit, value + 10 * unit, value - 10 * unit].map(tidy);
}

function withSigns(text: string): string {
  return text
    .replaceAll(/\bplus\b/gi, '+')
    .replaceAll(/\bminus\b|[−–]/gi, '-')
    .replaceAll(/\b(?:times|multiplied by)\b|[×·]/gi, '*')
    .replaceAll(/\bdivided by\b|÷/gi, '/')
    .replaceAll('**', '^')
    .replaceAll(/([\d)])\s*[xX]\s*(?=[\d(-])/g, '$1 * ');
}

/** Is it a calculation? Dates and telephone numbers look like one without blanks. */
function isSum(expression: string, isAsked: boolean): boolean {
  if (!/\d\s*\)*\s*[-+*/^]\s*[-(]*\s*[\d.]/.test(expression)) return false;
  if (/^\d{4}([-/])\d{1,2}\1\d{1,2}$/.test(expression)) return false;
  return /[+*^]/.test(expression) || / [-/] /.test(expression) || isAsked;
}

/** Rounds to 12 digits, so that 0.1 + 0.2 is 0.3. */
function tidy(value: number): number {
  return Number.parseFloat(value.toPrecision(12));
}
