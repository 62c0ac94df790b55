/** The examples in a conversation: whether there may be any, what they are, and whether an answer to one is right. */
import type { Message } from '../../../core/index.ts';
import {
  answerOf,
  contentText,
  normalizeAnswer,
  sameAnswer,
  stripThinking,
  turnsOf,
} from '../../../core/approach/index.ts';

/** A worked example of the task. */
export interface Example {
  readonly question: string;
  readonly answer: string;
}

/**
 * Examples given as turns: at least two pairs of user and assistant before the question. Undefined if the turns are not
 * such pairs of plain text.
 */
export function examplesInTurns(messages: readonly Message[]): readonly Example[] | undefined {
  const turns = turnsOf(messages);
  if (turns.length < 5 || turns.length % 2 === 0) return undefined;
  const isExpected = ({ role, content, tool_calls }: Message, index: number) =>
    role === (index % 2 === 0 ? 'user' : 'assistant') && tool_calls === undefined && isText(content);
  if (!turns.every(isExpected)) return undefined;
  const texts = turns.map(({ content }) => contentText(content).trim());
  return Array.from({ length: (turns.length - 1) / 2 }, (_, i) => ({
    question: texts[2 * i] ?? '',
    answer: texts[2 * i + 1] ?? '',
  })).filter(({ question, answer }) => question !== '' && answer !== '');
}

function isText(content: Message['content']): boolean {
  return typeof content === 'string' || (Array.isArray(content) && content.every(({ type }) => type === 'text'));
}

/** Is it worth asking a model whether there are examples: several user turns, or marks of examples in the text? */
export function mayHaveExamples(messages: readonly Message[]): boolean {
  if (messages.filter(({ role }) => role === 'user').length > 1) return true;
  return hasMarks(messages.map(({ content }) => contentText(content, '\n')).join('\n'));
}

const MARK = /\b(?:q|a|question|answer|input|output|problem|solution)\s?\d{0,3}\s?[:=]/gi;
/** A word before a colon at the beginning of a line, in any script; Chinese and Japanese have a colon of their own. */
const LABEL = /^[ \t>*#-]*(\p{L}[\p{L}\p{N}_ ]{0,30})\**[:：]/gmu;
const ARROW = /\S[ \t]*(?:->|=>|→)[ \t]*\S/g;

/** Does a label, an arrow or a mark come twice, or is the word "examples" there? */
function hasMarks(text: string): boolean {
  if (/\bexamples\b|\bexample \d/i.test(text)) return true;
  const labels = [...text.matchAll(LABEL)].map(([, label = '']) => label.toLowerCase().replaceAll(/[\s\d]/g, ''));
  const marks = [...text.matchAll(MARK)].map(([mark]) => mark.toLowerCase().replaceAll(/[\s\d:=]/g, ''));
  return hasTwice(labels) || hasTwice(marks) || (text.match(ARROW)?.length ?? 0) > 1;
}

function hasTwice(words: readonly string[]): boolean {
  return new Set(words).size < words.length;
}

/** The text in the first `<output>` tag, up to its closing tag or the end; empty if there is no such tag. */
export function outputOf(reply: string): string {
  const text = stripThinking(reply);
  const open = text.indexOf('<output>');
  if (open < 0) return '';
  const start = open + '<output>'.length;
  const close = text.indexOf('</output>', start);
  return text.slice(start, close < 0 ? undefined : close).trim();
}

/**
 * The examples in a JSON text, which may be fenced or cut: every whole object with a question and an answer. Undefined if
 * the text holds neither an object nor an array, so that it is no reply to the question for examples.
 */
export function examplesIn(json: string): readonly Example[] | undefined {
  const start = json.search(/[[{]/);
  if (start < 0) return undefined;
  const examples: Example[] = [];
  const open: { readonly at: number; height: number }[] = [];
  let isInString = false;
  for (let at = start; at < json.length; at++) {
    const letter = json[at];
    if (letter === '\\') at++;
    else if (letter === '"') isInString = !isInString;
    else if (isInString) continue;
    else if (letter === '{') open.push({ at, height: 0 });
    else if (letter === '}') {
      const closed = open.pop();
      if (!closed) continue;
      const outer = open.at(-1);
      if (outer) outer.height = Math.max(outer.height, closed.height + 1);
      const example = closed.height > HIGHEST ? undefined : exampleOf(json.slice(closed.at, at + 1));
      if (example) examples.push(example);
    }
  }
  return examples;
}

/** Levels of objects in one that is parsed: each level is parsed once more than the one around it. */
const HIGHEST = 2;

function exampleOf(json: string): Example | undefined {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value !== 'object' || value === null) return undefined;
    const question = plainText(Reflect.get(value, 'question'));
    const answer = plainText(Reflect.get(value, 'answer'));
    return question === '' || answer === '' ? undefined : { question, answer };
  } catch {
    return undefined;
  }
}

function plainText(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? `${value}`.trim() : '';
}

/** Is the answer right: the same final answer, or the same number if one of the two consists of a number only? */
export function isRight(answer: string, right: string): boolean {
  const [a, b] = [finalOf(answer), finalOf(right)];
  if (sameAnswer(a, b)) return true;
  const [x, y] = [numberIn(a), numberIn(b)];
  if (x === undefined || y === undefined || !sameAnswer(x, y)) return false;
  return sameAnswer(a, x) || sameAnswer(b, y);
}

function finalOf(text: string): string {
  return answerOf(text) ?? text;
}

/** The number in a text, if there is exactly one. */
function numberIn(text: string): string | undefined {
  const numbers = normalizeAnswer(text).match(/-?\d+(?:\.\d+)?/g) ?? [];
  return numbers.length === 1 ? numbers[0] : undefined;
}
