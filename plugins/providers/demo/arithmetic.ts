import { evaluate, parse, type Term } from './expression.ts';

/** Longest expression that is worked out; more is no question a person asks. */
const MAX_LENGTH = 200;
/** Signs by which a text asks for a calculation, so that `555-1234` alone is none. */
const ASKS = /what(?:'s| is)|how much|calculate|compute|evaluate|solve|work out|=/i;

export interface Sum {
  /** As written, blanks tidied: `17 * 23`. */
  readonly expression: string;
  readonly value: number;
  readonly term: Term;
}

/** The first sum of numbers in a text (`17 * 23`, `(3 + 4) x 5`, `12 plus 7`), worked out; undefined where there is none. */
export function findSum(text: string): Sum | undefined {
  const plain = withSigns(text);
  for (const [run] of plain.matchAll(/[\d(.-][\d\s.,()+*/^-]*[\d)]/g)) {
    const expression = run.replaceAll(/\s+/g, ' ').trim();
    if (run.length > MAX_LENGTH || !isSum(expression, plain)) continue;
    const term = parse(expression.replaceAll(/,(?=\d{3}\b)/g, ''));
    const value = term === undefined ? Number.NaN : evaluate(term);
    if (term !== undefined && Number.isFinite(value)) return { expression, value: tidy(value), term };
  }
  return undefined;
}

/** Plausible slips, off by one or by ten (of the last digits that show). Four, distinct, none of them right. */
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

/** Dates and telephone numbers are written like sums without blanks. */
function isSum(expression: string, text: string): boolean {
  if (!/\d\s*\)*\s*[-+*/^]\s*[-(]*\s*[\d.]/.test(expression)) return false;
  if (/^\d{4}([-/])\d{1,2}\1\d{1,2}$/.test(expression)) return false;
  return /[+*^]/.test(expression) || / [-/] /.test(expression) || ASKS.test(text);
}

/** Sums like 0.1 + 0.2 without their binary dust. */
function tidy(value: number): number {
  return Number.parseFloat(value.toPrecision(12));
}
