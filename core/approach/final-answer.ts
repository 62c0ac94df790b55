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

const BOX = String.raw`\boxed{`;

/** The content of the last `\boxed{…}` whose braces are balanced. Goes through the text once. */
function lastBoxed(text: string): string | null {
  const first = text.indexOf(BOX);
  if (first < 0) return null;
  /** Where the content of each open brace starts; -1 if it is no box. */
  const open: number[] = [];
  let last: { readonly start: number; readonly end: number } | undefined;
  for (let i = first; i < text.length; i++) {
    const letter = text[i];
    if (letter === '\\') {
      if (text.startsWith(BOX, i)) open.push((i += BOX.length - 1) + 1);
      else if (!text.startsWith(BOX, i + 1)) i++;
    } else if (letter === '{') open.push(-1);
    else if (letter === '}') {
      const start = open.pop() ?? -1;
      if (start > (last?.start ?? -1)) last = { start, end: i };
    }
  }
  return last ? nonEmpty(text.slice(last.start, last.end)) : null;
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
  const trimmed = text.trimEnd();
  const line = trimmed.slice(trimmed.lastIndexOf('\n') + 1);
  return line.match(/[-+]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:\/\d+)?%?/g)?.at(-1) ?? null;
}

function nonEmpty(text: string): string | null {
  return normalizeAnswer(text) === '' ? null : text.trim();
}

/** What counts as nothing before an answer, and after one. */
const BEFORE = ` "'“”‘’`;
const AFTER = `${BEFORE}.,;:!?`;

/** An answer without the marks that change nothing: LaTeX delimiters, emphasis, quotes, final punctuation, capitals. */
export function normalizeAnswer(answer: string): string {
  let text = answer
    .replaceAll(/\\text\s*\{([^{}]*)\}/g, '$1')
    .replaceAll(/[$`]|\\[()[\],;!]/g, '')
    // At the edge of a word `*` and `_` are emphasis; between letters or digits they are signs (2*3, a_b).
    .replaceAll(/(?<![\p{L}\d*_])[*_]+|(?<![*_])[*_]+(?![\p{L}\d*_])/gu, '')
    .replaceAll('\u2212', '-')
    .replaceAll(/\s+/g, ' ');
  let start = 0;
  let end = text.length;
  while (start < end && BEFORE.includes(text.charAt(start))) start++;
  while (end > start && AFTER.includes(text.charAt(end - 1))) end--;
  text = text.slice(start, end);
  // `(A)` and `A` are the same choice.
  text = text.replace(/^\(([A-Ja-j])\)$/, '$1');
  return text.replaceAll(/(?<=\d),(?=\d{3}(?!\d))/g, '').toLowerCase();
}

/** Are two answers the same: equal texts after `normalizeAnswer`, or equal numbers up to 1e-9 of their size? */
export function sameAnswer(a: string, b: string): boolean {
  const left = normalizeAnswer(a);
  const right = normalizeAnswer(b);
  if (left === right) return true;
  const [whole, other] = [integerIn(left), integerIn(right)];
  if (whole !== undefined && other !== undefined) return whole === other;
  const x = toNumber(left);
  const y = toNumber(right);
  return x !== undefined && y !== undefined && Math.abs(x - y) <= 1e-9 * Math.max(Math.abs(x), Math.abs(y));
}

/** The digits of an integer, however it is written (`+07.0`). Undefined if it is none. Never a number, which rounds. */
function integerIn(text: string): string | undefined {
  const [, sign = '', written] = /^([-+]?)(\d+)(?:\.0*)?$/.exec(text) ?? [];
  const digits = written?.replace(/^0+(?=\d)/, '');
  return sign === '-' && digits !== undefined && digits !== '0' ? `-${digits}` : digits;
}

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
  return text !== undefined && /^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
}
