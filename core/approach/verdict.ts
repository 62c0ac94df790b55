/**
 * Reading what a judge wrote: a score, a word, a choice or a ranking. What cannot be read is `null`, never 0 and never
 * false, so that it is left out of what is counted.
 */
import { objectEnd } from '../bytes/json.ts';
import { stripThinking } from './text.ts';

const NUMBER = String.raw`([-+]?(?:\d+(?:\.\d+)?|\.\d+)(?:e[-+]?\d+)?)`;
const SCALE = String.raw`(?:\s*(?:\/|out\s+of)\s*(\d+(?:\.\d+)?))?`;
const LABELLED = new RegExp(
  String.raw`\b(?:score|rating)\b\s*(?:(?:[:=]|is\b)\s*)?(?:\[\[\s*)?${NUMBER}(?:\s*\]\])?${SCALE}`,
  'gi',
);
const ALONE = new RegExp(String.raw`^\s*(?:\[\[)?${NUMBER}(?:\]\])?${SCALE}\s*(?:\.\s*)?$`, 'i');

/**
 * The score that a judge gave, on the scale from `low` to `high`: in JSON, after a label (`Score: 8`), or alone in the text
 * or its last line. `8/10` is converted to the scale. Null if there is no score, or it is not on the scale.
 */
export function scoreOf(text: string, low: number, high: number): number | null {
  const plain = plainOf(text);
  const found = inJson(plain) ?? lastLabelled(plain) ?? alone(plain) ?? alone(lastLine(plain));
  if (!found) return null;
  const { value, outOf } = found;
  const score = outOf !== undefined && outOf !== high ? (value / outOf) * high : value;
  return Number.isFinite(score) && score >= low && score <= high ? score : null;
}

interface Found {
  readonly value: number;
  readonly outOf?: number;
}

function inJson(text: string): Found | undefined {
  for (const object of jsonObjects(text)) {
    const members = new Map(Object.entries(object).map(([key, value]) => [key.toLowerCase(), value as unknown]));
    const value = [members.get('score'), members.get('rating')].find((member) => typeof member === 'number');
    if (typeof value === 'number') return { value };
  }
  return undefined;
}

/** A text with more braces than this is not searched further: it is no verdict, and each brace costs a walk through it. */
const MAX_BRACES = 100;
/** How many characters these walks may take together. */
const MAX_WALK = 500_000;

/** The JSON objects in a text, an outer one before those inside it. */
function* jsonObjects(text: string): Generator<object> {
  let braces = 0;
  let walk = 0;
  for (let at = text.indexOf('{'); at >= 0 && braces < MAX_BRACES; at = text.indexOf('{', at + 1), braces++) {
    if (walk > MAX_WALK) return;
    const end = objectEnd(text, at);
    walk += (end ?? text.length) - at;
    if (end === undefined) continue;
    try {
      const parsed: unknown = JSON.parse(text.slice(at, end));
      if (typeof parsed === 'object' && parsed !== null) yield parsed;
    } catch {
      // Not JSON after all.
    }
  }
}

function lastLabelled(text: string): Found | undefined {
  const match = [...text.matchAll(LABELLED)].at(-1);
  return match && found(match[1], match[2]);
}

function alone(text: string): Found | undefined {
  const match = ALONE.exec(text);
  return match ? found(match[1], match[2]) : undefined;
}

function found(value: string | undefined, outOf: string | undefined): Found {
  return { value: Number(value), ...(outOf === undefined ? {} : { outOf: Number(outOf) }) };
}

function lastLine(text: string): string {
  const trimmed = text.trimEnd();
  return trimmed.slice(trimmed.lastIndexOf('\n') + 1);
}

/** The text without reasoning and emphasis, and without the angle brackets of a form filled in literally (`Score: <8>`). */
function plainOf(text: string): string {
  return stripThinking(text)
    .replaceAll(/[*_`]/g, '')
    .replaceAll(/<(\d+(?:\.\d+)?)>/g, '$1');
}

/**
 * The verdict that a judge gave: the last of `words` after a label (`VERDICT: …`, `Overall assessment: …`), else the last
 * one in capitals. After "not" a word counts as its opposite, if `words` has one (`correct`, `incorrect`) or has two words.
 * @returns the word as given in `words`; null if there is none.
 */
export function verdictOf<W extends string>(text: string, words: readonly W[]): W | null {
  const plain = plainOf(text);
  const options = words
    .toSorted((a, b) => b.length - a.length)
    .map((word) => word.replaceAll(/\W/g, String.raw`\$&`))
    .join('|');
  const labelled = new RegExp(
    String.raw`\b(?:verdict|overall\s+assessment)\b\s*(?:(?:is\b|[:=])\s*)?(?:\[\[\s*)?(not\s+)?(${options})\b`,
    'gi',
  );
  const capitals = new RegExp(String.raw`\b(NOT\s+)?(${options.toUpperCase()})\b`, 'g');
  for (const pattern of [labelled, capitals]) {
    const last = [...plain.matchAll(pattern)].at(-1);
    if (last) return last[1] === undefined ? wordOf(last[2], words) : opposite(last[2], words);
  }
  return null;
}

function wordOf<W extends string>(word: string | undefined, words: readonly W[]): W | null {
  return words.find((option) => option.toLowerCase() === word?.toLowerCase()) ?? null;
}

/** "not correct" is "incorrect" if that is one of the words; of two words, "not" the one is the other. */
function opposite<W extends string>(word: string | undefined, words: readonly W[]): W | null {
  const negated = wordOf(`in${word}`, words);
  if (negated) return negated;
  return words.length === 2 ? (words.find((option) => option.toLowerCase() !== word?.toLowerCase()) ?? null) : null;
}

/**
 * The index, from 0, of the candidate that a judge chose among `count` that are numbered from 1: the last labelled number
 * (`Choice: 2`, `Best: [[2]]`), else a number alone in the last line. Null if it chose none, or a number out of range.
 */
export function choiceOf(text: string, count: number): number | null {
  const plain = plainOf(text);
  const label =
    /\b(?:choice|choose|best|winner)\b\s*(?:(?:is\b|[:=])\s*)?(?:(?:candidate|answer)\s*)?(?:(?:\[\[|#|\()\s*)?(\d+)/gi;
  const labelled = [...plain.matchAll(label)].at(-1)?.[1];
  const number = labelled ?? /^\s*(?:candidate\s*)?(?:\[\[|#|\()?(\d+)(?:\]\]|\))?\.?\s*$/i.exec(lastLine(plain))?.[1];
  const index = Number(number) - 1;
  return Number.isInteger(index) && index >= 0 && index < count ? index : null;
}

/**
 * The indices, from 0, of `count` candidates in the order that a judge gave (`Ranking: 2 > 1 > 3`), best first. Null unless
 * it names each exactly once.
 */
export function rankingOf(text: string, count: number): readonly number[] | null {
  const plain = plainOf(text);
  const labelled = [...plain.matchAll(/\b(?:ranking|order)\b\s*[:=]?\s*([^\n]*)/gi)].at(-1)?.[1];
  const numbers = (labelled ?? lastLine(plain)).match(/\d+/g)?.map((number) => Number(number) - 1) ?? [];
  const isComplete =
    numbers.length === count && new Set(numbers).size === count && numbers.every((i) => i >= 0 && i < count);
  return isComplete ? numbers : null;
}
