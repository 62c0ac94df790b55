/** Examples in a conversation: whether there may be some, what they are, and whether an answer is the right one. */
import type { Message } from '../../../core/index.ts';
import {
  answerOf,
  contentText,
  normalizeAnswer,
  sameAnswer,
  stripThinking,
  turnsOf,
} from '../../../core/approach/index.ts';

export interface Example {
  readonly question: string;
  readonly answer: string;
}

/** Few-shot examples given as turns: two or more pairs of user and assistant before the question. Undefined where the turns are no such pairs. */
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
/** In any script; Chinese and Japanese have a colon of their own. */
const LABEL = /^[ \t>*#-]*(\p{L}[\p{L}\p{N}_ ]{0,30})\**[:：]/gmu;
const ARROW = /\S[ \t]*(?:->|=>|→)[ \t]*\S/g;

/** A label, an arrow or a mark that returns; or the word itself. */
function hasMarks(text: string): boolean {
  if (/\bexamples\b|\bexample \d/i.test(text)) return true;
  const labels = [...text.matchAll(LABEL)].map(([, label = '']) => label.toLowerCase().replaceAll(/[\s\d]/g, ''));
  const marks = [...text.matchAll(MARK)].map(([mark]) => mark.toLowerCase().replaceAll(/[\s\d:=]/g, ''));
  return hasTwice(labels) || hasTwice(marks) || (text.match(ARROW)?.length ?? 0) > 1;
}

function hasTwice(words: readonly string[]): boolean {
  return new Set(words).size < words.length;
}

/** What stands between the first output tag and its closing one, or the end; empty without the tag. */
export function outputOf(reply: string): string {
  const text = stripThinking(reply);
  const open = text.indexOf('<output>');
  if (open < 0) return '';
  const start = open + '<output>'.length;
  const close = text.indexOf('</output>', start);
  return text.slice(start, close < 0 ? undefined : close).trim();
}

/**
 * The examples among the objects of a JSON text, fenced or cut as it may be: every whole object with a question and an
 * answer. Undefined where there is neither an object nor an array, so that the text says nothing.
 */
export function examplesIn(json: string): readonly Example[] | undefined {
  const start = json.search(/[[{]/);
  if (start < 0) return undefined;
  const examples: Example[] = [];
  const open: number[] = [];
  let isInString = false;
  for (let at = start; at < json.length; at++) {
    const letter = json[at];
    if (letter === '\\') at++;
    else if (letter === '"') isInString = !isInString;
    else if (isInString) continue;
    else if (letter === '{') open.push(at);
    else if (letter === '}') {
      const example = exampleOf(json.slice(open.pop() ?? at, at + 1));
      if (example) examples.push(example);
    }
  }
  return examples;
}

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

/** Does an answer come to the right one: the same final answer, or the same number where one of them is only that? */
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

/** The only number in a text. */
function numberIn(text: string): string | undefined {
  const numbers = normalizeAnswer(text).match(/-?\d+(?:\.\d+)?/g) ?? [];
  return numbers.length === 1 ? numbers[0] : undefined;
}
