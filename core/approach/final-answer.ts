/** The final answer that a text states, and whether two answers are the same. */
import { stripThinking } from './text.ts';

/** What is known about the answer that is looked for. */
export interface FinalOptions {
  /** Is a number expected? Then, if nothing marks an answer, the last number of the last line is the answer. */
  readonly isNumeric?: boolean;
}

/**
 * The final answer that a text states, as written; null if it states none. Looks for the last `\boxed{…}`, then the last
 * label (`Final answer: …`), then a letter from A to J at the very end.
 */
export function answerOf(text: string, { isNumeric = false }: FinalOptions = {}): string | null {
  const visible = stripThinking(text);
  return lastBoxed(visible) ?? lastLabelled(visible) ?? lastLetter(visible) ?? (isNumeric ? lastNumber(visible) : null);
}

/** The content of the last `\boxed{…}` whose braces are balanced. */
function lastBoxed(text: string): string | null {
  const mark = String.raw`\boxed{`;
  for (let at = text.lastIndexOf(mark); at >= 0; at = at === 0 ? -1 : text.lastIndexOf(mark, at - 1)) {
    const start = at + mark.length;
    let depth = 1;
    for (let i = start; i < text.length; i++) {
      const letter = text[i];
      if (letter === '\\') i++;
      else if (letter === '{') depth++;
      else if (letter === '}' && --depth === 0) return nonEmpty(text.slice(start, i));
    }
  }
  return null;
}

const LABEL = /\b(?:final[ \t]+)?answer\b[ \t*_`]*(?:is\b[ \t*_`]*:?|[:=])(?:[*_`]+(?=\s|$))?/gi;

function lastLabelled(text: string): string | null {
  for (const match of [...text.matchAll(LABEL)].toReversed()) {
    const from = match.index + match[0].length;
    const end = text.indexOf('\n', from);
    const answer = nonEmpty(text.slice(from, end < 0 ? undefined : end));
    if (answer !== null) return answer;
  }
  return null;
}

function lastLetter(text: string): string | null {
  return /(?:^|[\s(*])([A-J])[)*.]*\s*$/.exec(text)?.[1] ?? null;
}

function lastNumber(text: string): string | null {
  const line = text.trimEnd().split('\n').at(-1) ?? '';
  return line.match(/[-+]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:\/\d+)?%?/g)?.at(-1) ?? null;
}

function nonEmpty(text: string): string | null {
  return normalizeAnswer(text) === '' ? null : text.trim();
}

/** An answer without the marks that change nothing: LaTeX delimiters, emphasis, quotes, final punctuation, capitals. */
export function normalizeAnswer(answer: string): string {
  let text = answer
    .replaceAll(/\\text\s*\{([^{}]*)\}/g, '$1')
    .replaceAll(/[$`]|\\[()[\],;!]/g, '')
    // At the edge of a word `*` and `_` are emphasis; between letters or digits they are signs (2*3, a_b).
    .replaceAll(/(?<![\p{L}\d*_])[*_]+|(?<![*_])[*_]+(?![\p{L}\d*_])/gu, '')
    .replaceAll('\u2212', '-')
    .replaceAll(/\s+/g, ' ');
  for (let before = ''; before !== text;) {
    before = text;
    text = text
      .trim()
      .replace(/^["'“”‘’]+/, '')
      .replace(/(?<!["'“”‘’.,;:!?])["'“”‘’.,;:!?]+$/, '');
  }
  // `(A)` and `A` are the same choice.
  text = text.replace(/^\(([A-Ja-j])\)$/, '$1');
  return text.replaceAll(/(?<=\d),(?=\d{3}(?!\d))/g, '').toLowerCase();
}

/** Are two answers the same: equal texts after `normalizeAnswer`, or equal numbers up to 1e-9 of their size? */
export function sameAnswer(a: string, b: string): boolean {
  const left = normalizeAnswer(a);
  const right = normalizeAnswer(b);
  if (left === right) return true;
  const [whole, other] = [INTEGER.exec(left), INTEGER.exec(right)];
  if (whole && other) return BigInt(whole[1] ?? '') === BigInt(other[1] ?? '');
  const x = toNumber(left);
  const y = toNumber(right);
  return x !== undefined && y !== undefined && Math.abs(x - y) <= 1e-9 * Math.max(Math.abs(x), Math.abs(y));
}

const INTEGER = /^\+?(-?\d+)(?:\.0*)?$/;

/** The value of a normalised answer: integer, decimal, `a/b`, `\frac{a}{b}` or percent. Undefined for anything else. */
function toNumber(text: string): number | undefined {
  const compact = text.replaceAll(' ', '').replace(/\\%$/, '%');
  const fraction =
    /^([-+]?)\\[dt]?frac\{([-+]?[\d.]+)\}\{([-+]?[\d.]+)\}$/.exec(compact) ??
    /^([-+]?)([\d.]+)\/([-+]?[\d.]+)$/.exec(compact);
  if (fraction) {
    const value = decimal(fraction[2]) / decimal(fraction[3]);
    return Number.isFinite(value) ? (fraction[1] === '-' ? -value : value) : undefined;
  }
  const value = compact.endsWith('%') ? decimal(compact.slice(0, -1)) / 100 : decimal(compact);
  return Number.isFinite(value) ? value : undefined;
}

function decimal(text: string | undefined): number {
  return text !== undefined && /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
}
