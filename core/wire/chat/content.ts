/**
 * What a message brings of an answer: text, calls of tools, other media. One rule for whole messages and for the deltas of
 * a stream, whose members have the same names.
 */
import { isRecord, type Fields } from '../../bytes/json.ts';

/** A call of a tool: its name, and its arguments as text. */
export interface CalledTool {
  readonly name: string | undefined;
  readonly input: string;
}

/** Kinds of content parts that are text, or thoughts about it. */
const THOUGHTS: ReadonlySet<unknown> = new Set(['thinking', 'reasoning']);
const WRITTEN: ReadonlySet<unknown> = new Set(['text', 'output_text', 'refusal', ...THOUGHTS]);

/** The tools that a message calls, the single one of the older API (`function_call`) included. */
export function calledTools({ tool_calls, function_call }: Fields): readonly CalledTool[] {
  const calls: readonly unknown[] = Array.isArray(tool_calls) ? tool_calls : [];
  const called = calls.flatMap((call) => (isRecord(call) ? [call['function'] ?? call['custom'] ?? {}] : []));
  return [...called, ...(isEmpty(function_call) ? [] : [function_call])].flatMap((one) =>
    isRecord(one) ? [{ name: textOrUndefined(one['name']), input: inputOf(one) }] : [],
  );
}

/** Does a message or a delta call a tool? */
export function callsTool({ tool_calls, function_call }: Fields): boolean {
  return (Array.isArray(tool_calls) && tool_calls.length > 0) || !isEmpty(function_call);
}

/** Does a message or a delta bring something that is no text: audio, images, parts of another kind? */
export function bringsMedia({ audio, images, content }: Fields): boolean {
  if (!isEmpty(audio) || (Array.isArray(images) && images.length > 0)) return true;
  return Array.isArray(content) && content.some((part) => isRecord(part) && !WRITTEN.has(part['type']));
}

/** Does a message or a delta bring thoughts, in a member of their own or as parts of its content? */
export function bringsThoughts({ reasoning_content, reasoning, content }: Fields): boolean {
  if ([reasoning_content, reasoning].some((text) => typeof text === 'string' && text !== '')) return true;
  return Array.isArray(content) && content.some((part) => isRecord(part) && THOUGHTS.has(part['type']));
}

/** The text of a message's or a delta's content, which is a string or parts; `glue` stands between text parts. */
export function contentText(content: unknown, glue = ''): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  const texts = content.flatMap((part: unknown) => (isRecord(part) ? (textOrUndefined(part['text']) ?? []) : []));
  return texts.join(glue);
}

/** Does a message or a delta bring part of an answer: text that is not blank, a call, a medium, a refusal? */
export function bringsAnswer(message: Fields): boolean {
  const { refusal } = message;
  if (typeof refusal === 'string' && refusal.trim() !== '') return true;
  return callsTool(message) || bringsMedia(message) || contentText(message['content']).trim() !== '';
}

function isEmpty(value: unknown): boolean {
  return !isRecord(value) || Object.keys(value).length === 0;
}

function inputOf(called: Fields): string {
  return textOrUndefined(called['arguments']) ?? textOrUndefined(called['input']) ?? '';
}

function textOrUndefined(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
