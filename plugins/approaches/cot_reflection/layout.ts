/**
 * Reads the layout that `cot_reflection` asks for, from text that comes in pieces cut anywhere. The answer is what stands
 * in `<output>`. An `<output>` inside the thinking or in a code fence is text, and so is `</output>` in a fence of the answer.
 */
import { stripThinking } from '../../../core/approach/index.ts';

/** A part of what was read. */
export interface Piece {
  readonly kind: 'answer' | 'thinking';
  readonly text: string;
  /** Which `<output>` of the text it comes from, counted from 1; 0 for thinking, and for an answer without `<output>`. */
  readonly block: number;
}

type State = 'outside' | 'thinking' | 'answer' | 'over';

const OPENINGS = { '<thinking>': '</thinking>', '<think>': '</think>' } as const;
const FENCE = '```';
/** At the end of what came. After more blanks than that it is text. */
const TRAILING_END = /<\/output>\s{0,1000}$/;

/** The tags and fences that count in a state. */
interface Markers {
  readonly words: readonly string[];
  /** Finds the next of them. A fence counts only at the beginning of a line. */
  readonly atLineStart: RegExp;
  /** The same, for a text whose beginning is not that of a line. */
  readonly withinLine: RegExp;
}

function markersOf(...words: readonly string[]): Markers {
  const pattern = (before: string) =>
    new RegExp(words.map((word) => (word === FENCE ? `(?<=${before}[^\\S\\n]*)${word}` : word)).join('|'));
  return { words, atLineStart: pattern('(?:^|\\n)'), withinLine: pattern('\\n') };
}

const MARKERS = {
  outside: markersOf('<thinking>', '<think>', '<output>', FENCE),
  '</thinking>': markersOf('</thinking>'),
  '</think>': markersOf('</think>'),
  answer: markersOf('</output>', FENCE),
  fenced: markersOf(FENCE),
} as const;
const KNOWN_TAGS = /<\/?(?:thinking|think|reflection|output)>/g;

/** Reads the text of one choice. */
export class LayoutReader {
  /** Everything that was pushed. */
  text = '';
  /** Did something else than text come (a tool call, a refusal)? The choice is then left as it is. Set by the caller. */
  isOther = false;
  /** Has any of the answer been read? */
  hasAnswer = false;
  /** The thinking so far. */
  thinking = '';
  /** The end of the text that is not passed on yet, because a tag or a fence may begin in it. */
  #held = '';
  #state: State = 'outside';
  #isFenced = false;
  /** Is the current line blank so far? A fence counts at the beginning of a line only. */
  #isLineBlank = true;
  /** Blanks at the end of the answer so far, which go out only if more text follows. */
  #blanks = '';
  #block = 0;
  /** Has the current block brought any text? */
  #isBegun = false;
  /** The tag that ends the current thinking. */
  #closing: (typeof OPENINGS)[keyof typeof OPENINGS] = '</thinking>';
  readonly #isLive: boolean;

  /**
   * @param isLive  Does the answer go out while it comes? Then a second `<output>` cannot replace the first, and is
   * left out.
   */
  constructor(isLive: boolean) {
    this.#isLive = isLive;
  }

  /** Takes in more text and returns what is certain by now. */
  push(text: string): Piece[] {
    this.text += text;
    this.#held += text;
    const pieces: Piece[] = [];
    for (let token = this.#nextToken(); token; token = this.#nextToken()) {
      this.#pass(this.#held.slice(0, token.index), pieces);
      this.#held = this.#held.slice(token.index + token.word.length);
      this.#enter(token.word, pieces);
    }
    const kept = this.#lengthOfBeginning();
    this.#pass(this.#held.slice(0, this.#held.length - kept), pieces);
    this.#held = this.#held.slice(this.#held.length - kept);
    return pieces;
  }

  /**
   * To be called when the text is over: returns what is left, or the answer that can be found without an `<output>`.
   * @param isCut  Was the text cut by a limit?
   */
  end(isCut: boolean): Piece[] {
    const pieces: Piece[] = [];
    if (this.#state === 'answer') {
      const isCutTag = this.#held.length > 2 && '</output>'.startsWith(this.#held);
      this.#pass(isCutTag ? '' : this.#held.replace(TRAILING_END, ''), pieces);
      this.#held = '';
    }
    if (!this.hasAnswer && !this.needsRepair(isCut)) {
      const text = withoutLayout(this.text, isCut);
      if (text !== '') {
        this.hasAnswer = true;
        pieces.push({ kind: 'answer', text, block: 0 });
      }
    }
    return pieces;
  }

  /** Was the text cut while thinking, before there was an answer? */
  needsRepair(isCut: boolean): boolean {
    return isCut && !this.hasAnswer && /<think(?:ing)?>/.test(this.text) && withoutLayout(this.text, isCut) === '';
  }

  #nextToken(): { readonly index: number; readonly word: string } | undefined {
    const markers = this.#markers();
    const match = (this.#isLineBlank ? markers?.atLineStart : markers?.withinLine)?.exec(this.#held);
    return match ? { index: match.index, word: match[0] } : undefined;
  }

  /** The tags and fences that count in the current state; undefined = none does. */
  #markers(): Markers | undefined {
    if (this.#state === 'over') return undefined;
    if (this.#state === 'thinking') return MARKERS[this.#closing];
    if (this.#isFenced) return MARKERS.fenced;
    return MARKERS[this.#state];
  }

  #enter(word: string, pieces: Piece[]): void {
    if (word === FENCE) {
      this.#isFenced = !this.#isFenced;
      this.#pass(FENCE, pieces);
    } else if (word === '<output>') {
      this.#state = 'answer';
      this.#block++;
      this.#isBegun = false;
      this.#blanks = '';
      this.#isLineBlank = true;
    } else if (word === '</output>') {
      this.#state = this.#isLive ? 'over' : 'outside';
    } else if (this.#state === 'thinking') {
      this.#state = 'outside';
    } else {
      this.#state = 'thinking';
      this.#closing = word === '<think>' ? OPENINGS['<think>'] : OPENINGS['<thinking>'];
    }
  }

  #pass(text: string, pieces: Piece[]): void {
    if (text === '') return;
    const lineFeed = text.lastIndexOf('\n');
    const isBlank = (lineFeed < 0 ? text : text.slice(lineFeed + 1)).trim() === '';
    this.#isLineBlank = isBlank && (lineFeed >= 0 || this.#isLineBlank);
    if (this.#state === 'thinking') {
      this.thinking += text;
      pieces.push({ kind: 'thinking', text, block: 0 });
    }
    if (this.#state !== 'answer') return;
    if (this.#isBegun && text.trim() === '') {
      this.#blanks += text;
      return;
    }
    const whole = this.#isBegun ? this.#blanks + text : text.trimStart();
    const shown = whole.trimEnd();
    this.#blanks = whole.slice(shown.length);
    if (shown === '') return;
    this.#isBegun = true;
    this.hasAnswer = true;
    pieces.push({ kind: 'answer', text: shown, block: this.#block });
  }

  /** How many characters at the end of the held text may be the beginning of a tag or a fence. */
  #lengthOfBeginning(): number {
    const isInFence = this.#state === 'answer' && this.#isFenced;
    // If a fence of the answer is never closed, an `</output>` at the very end ends the answer all the same.
    const trailing = isInFence ? TRAILING_END.exec(this.#held) : null;
    if (trailing) return this.#held.length - trailing.index;
    const words = isInFence ? [FENCE, '</output>'] : (this.#markers()?.words ?? []);
    for (let length = Math.min(this.#held.length, 11); length > 0; length--) {
      const end = this.#held.slice(-length);
      if (words.some((word) => word.length > length && word.startsWith(end))) return length;
    }
    return 0;
  }
}

/**
 * The answer in a text that lacks the layout: what follows the thinking, else all of it without tags. Empty if it was
 * cut in the thinking.
 */
function withoutLayout(whole: string, isCut: boolean): string {
  // A model that reasons may write its reasoning first, and leave out the tag that opens it. Reasoning that it never ends
  // is no answer, unless the layout is in it.
  const isUnended = /^\s*<think>/.test(whole) && !whole.includes('<output>');
  const text = isCut || isUnended || whole.includes('</think>') ? stripThinking(whole) : whole;
  const last = text.lastIndexOf('</thinking>');
  const after = last < 0 ? '' : text.slice(last + '</thinking>'.length);
  const output = after.lastIndexOf('<output>');
  const rest = (output < 0 ? after : after.slice(output)).replaceAll(KNOWN_TAGS, '').trim();
  if (rest !== '') return rest;
  if (isCut && text.includes('<thinking>')) return '';
  const inside = text.lastIndexOf('<output>');
  const answer =
    inside < 0
      ? ''
      : text
          .slice(inside + '<output>'.length)
          .replace(/<\/output>[\s\S]*$/, '')
          .trim();
  return answer === '' ? text.replaceAll(KNOWN_TAGS, '').trim() : answer;
}

/**
 * Reads a whole text: the last answer outside of thinking and fences. `needsRepair`: it was cut before there was an
 * answer.
 */
export function readLayout(
  text: string,
  isCut: boolean,
): { readonly answer: string; readonly thinking: string; readonly needsRepair: boolean } {
  const reader = new LayoutReader(false);
  const pieces = [...reader.push(text), ...reader.end(isCut)].filter(({ kind }) => kind === 'answer');
  const last = pieces.at(-1)?.block;
  const answer = pieces.filter(({ block }) => block === last).map((piece) => piece.text);
  return { answer: answer.join(''), thinking: reader.thinking.trim(), needsRepair: reader.needsRepair(isCut) };
}
