import { stripThinking } from '../../../core/approach/index.ts';

/**
 * Reads the layout that `cot_reflection` asks for while it comes in, cut anywhere: what is inside `<output>` is the
 * answer; an `<output>` inside the thinking or a code fence is text, and so is an `</output>` in a fence of the answer.
 */

export interface Piece {
  readonly kind: 'answer' | 'thinking';
  readonly text: string;
  /** Which `<output>` of the text it belongs to, from 1; 0 where it stands for a missing one. */
  readonly block: number;
}

type State = 'outside' | 'thinking' | 'answer' | 'over';

const OPENINGS = { '<thinking>': '</thinking>', '<think>': '</think>' } as const;
const FENCE = '```';
const TRAILING_END = /<\/output>\s*$/;
const KNOWN_TAGS = /<\/?(?:thinking|think|reflection|output)>/g;

export class LayoutReader {
  /** Everything, as it came. */
  text = '';
  /** Something else than text came (tool calls, a refusal): it stands for itself. */
  isOther = false;
  /** Has any of the answer been read? */
  hasAnswer = false;
  /** What was thought so far. */
  thinking = '';
  #held = '';
  #state: State = 'outside';
  #isFenced = false;
  /** The line that the reader is in, up to it: a fence begins a line. */
  #line = '';
  /** Blanks inside the answer that go out only when more follows. */
  #blanks = '';
  #block = 0;
  /** Has the current block any text? */
  #isBegun = false;
  #closing = '';
  readonly #isLive: boolean;

  /** @param isLive  The first answer has gone out by the time a second one comes, so it stays the only one. */
  constructor(isLive: boolean) {
    this.#isLive = isLive;
  }

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

  /** The text is over: what is left, or what stands for the answer where no `<output>` came. */
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

  /** Was the thinking cut before there was an answer? */
  needsRepair(isCut: boolean): boolean {
    return isCut && !this.hasAnswer && /<think(?:ing)?>/.test(this.text) && withoutLayout(this.text, isCut) === '';
  }

  #nextToken(): { readonly index: number; readonly word: string } | undefined {
    let first: { index: number; word: string } | undefined;
    for (const word of this.#words()) {
      const index = word === FENCE ? this.#indexOfFence() : this.#held.indexOf(word);
      if (index >= 0 && (!first || index < first.index)) first = { index, word };
    }
    return first;
  }

  /** What means something here. */
  #words(): readonly string[] {
    if (this.#state === 'over') return [];
    if (this.#state === 'thinking') return [this.#closing];
    if (this.#isFenced) return [FENCE];
    return this.#state === 'answer' ? ['</output>', FENCE] : ['<thinking>', '<think>', '<output>', FENCE];
  }

  #indexOfFence(): number {
    for (let at = this.#held.indexOf(FENCE); at >= 0; at = this.#held.indexOf(FENCE, at + FENCE.length)) {
      const lineFeed = this.#held.lastIndexOf('\n', at);
      const before = lineFeed < 0 ? this.#line + this.#held.slice(0, at) : this.#held.slice(lineFeed + 1, at);
      if (before.trim() === '') return at;
    }
    return -1;
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
      this.#line = '';
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
    this.#line = lineFeed < 0 ? this.#line + text : text.slice(lineFeed + 1);
    if (this.#state === 'thinking') {
      this.thinking += text;
      pieces.push({ kind: 'thinking', text, block: 0 });
    }
    if (this.#state !== 'answer') return;
    const whole = this.#isBegun ? this.#blanks + text : text.trimStart();
    const shown = whole.trimEnd();
    this.#blanks = whole.slice(shown.length);
    if (shown === '') return;
    this.#isBegun = true;
    this.hasAnswer = true;
    pieces.push({ kind: 'answer', text: shown, block: this.#block });
  }

  /** How much of the end may be the beginning of a word that means something. */
  #lengthOfBeginning(): number {
    const isInFence = this.#state === 'answer' && this.#isFenced;
    // A fence that nobody closes swallows the tag at the very end.
    const trailing = isInFence ? TRAILING_END.exec(this.#held) : null;
    if (trailing) return this.#held.length - trailing.index;
    const words = isInFence ? [FENCE, '</output>'] : this.#words();
    for (let length = Math.min(this.#held.length, 11); length > 0; length--) {
      const end = this.#held.slice(-length);
      if (words.some((word) => word.length > length && word.startsWith(end))) return length;
    }
    return 0;
  }
}

/** What follows the thinking, else all of it without the layout's tags. */
function withoutLayout(whole: string, isCut: boolean): string {
  // A model that reasons may write its reasoning first, and leave out the tag that opens it.
  // One that it never ends is no answer, unless the layout is in it.
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

/** The whole text at once: the last answer that stands outside thinking and fences. */
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
