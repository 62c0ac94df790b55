/**
 * Conversations as approaches read and extend them. A call that writes an answer gets the client's messages unchanged,
 * with an instruction at the end of the system text or further turns at the end. A judge gets one message, in which the
 * question and the candidates stand between tags.
 */
import { isRecord } from '../bytes/json.ts';
import type { ContentPart, Message } from '../wire/chat/chat-types.ts';
import { bringsMedia, calledTools, type CalledTool } from '../wire/chat/content.ts';
import { delimited } from './delimited.ts';
import { contentText, stripThinking } from './text.ts';
import type { Answer } from './types.ts';

const SYSTEM_ROLES: ReadonlySet<string> = new Set(['system', 'developer']);

/** The text of all system and developer messages; empty if there is none. */
export function systemText(messages: readonly Message[]): string {
  const texts = messages.filter(({ role }) => SYSTEM_ROLES.has(role)).map(({ content }) => contentText(content, '\n'));
  return texts.filter((text) => text.trim() !== '').join('\n\n');
}

/** All messages except those of the system and the developer. */
export function turnsOf(messages: readonly Message[]): readonly Message[] {
  return messages.filter(({ role }) => !SYSTEM_ROLES.has(role));
}

/** The text of the last user turn; empty if there is none. */
export function lastUserText(messages: readonly Message[]): string {
  return contentText(messages.findLast(({ role }) => role === 'user')?.content, ' ');
}

/**
 * The question, to be embedded in a judge's prompt. A single user turn is given as its text, anything longer as a
 * transcript with a `<turn>` tag around each turn. A part that is not text, such as an image, becomes a note of its type.
 */
export function questionText(messages: readonly Message[]): string {
  const only = onlyTurn(messages);
  return only ? partsText(only) : transcriptOf(messages);
}

/** The user's turn, if it is the only one. */
function onlyTurn(messages: readonly Message[]): Message | undefined {
  const [only, ...others] = turnsOf(messages);
  return others.length === 0 && only?.role === 'user' ? only : undefined;
}

function transcriptOf(messages: readonly Message[]): string {
  return turnsOf(messages)
    .map((turn) => turnBlock(turn.role, turnText(turn), 'question'))
    .join('\n');
}

/** A turn of a transcript. @param within  The tag around the transcript. */
export function turnBlock(role: string, text: string, within: string): string {
  // A client may write anything as a role.
  return delimited('turn', text, { attributes: { role: role.replaceAll(/[^\w-]/g, '') }, within: [within] });
}

/** The system text and the question, each between tags: the head of a judge's prompt. */
export function questionBlock(messages: readonly Message[]): string {
  const system = systemText(messages);
  const only = onlyTurn(messages);
  const question = only
    ? delimited('question', partsText(only), { within: ['instructions'] })
    : `<question>\n${transcriptOf(messages)}\n</question>`;
  return system === '' ? question : `${delimited('instructions', system, { within: ['question'] })}\n${question}`;
}

function turnText(message: Message): string {
  return [partsText(message), ...calledTools(message).map(toolCallText)].filter((text) => text !== '').join('\n');
}

function partsText({ content }: Message): string {
  if (!Array.isArray(content)) return contentText(content);
  const texts = content.map((part: ContentPart) =>
    typeof part?.text === 'string' ? part.text : `[${part?.type ?? 'part'}, not shown]`,
  );
  return texts.join('\n');
}

function toolCallText({ name = 'a tool', input }: CalledTool): string {
  return `[calls ${name} with ${input}]`;
}

/** What an answer brings beside text: the words of its audio, and notes of images and other parts. */
function mediaTexts({ audio, images, content }: Message): readonly string[] {
  const spoken = isRecord(audio) && typeof audio['transcript'] === 'string' ? audio['transcript'] : undefined;
  const parts = (Array.isArray(content) ? (content as readonly ContentPart[]) : [])
    .filter((part) => bringsMedia({ content: [part] }))
    .map(({ type }) => `[${type}, not shown]`);
  const shown = Array.isArray(images) ? images.map(() => '[image, not shown]') : [];
  return [...(isRecord(audio) ? [spoken ?? '[audio, not shown]'] : []), ...shown, ...parts];
}

/** A candidate as a judge reads it: its text without `<think>` blocks, its tool calls and other media in words. */
export function candidateText({ choice: { message }, text }: Pick<Answer, 'choice' | 'text'>): string {
  return [stripThinking(text).trim(), ...mediaTexts(message), ...calledTools(message).map(toolCallText)]
    .filter((part) => part !== '')
    .join('\n');
}

/** Texts between numbered tags, `<answer number="1">` and so on. Each tag stands on a line of its own. */
export function numbered(tag: string, texts: readonly string[], from = 1): readonly string[] {
  return texts.map((text, index) => delimited(tag, text, { attributes: { number: index + from } }));
}

/** The question and all answers to it, numbered from 1: what a judge reads to rank them or to choose one. */
export function answersBlock(messages: readonly Message[], answers: readonly Answer[]): string {
  return [questionBlock(messages), ...numbered('answer', answers.map(candidateText))].join('\n\n');
}

/** The messages with an instruction after the last leading system message, or in a new one if there is none. */
export function withInstruction(messages: readonly Message[], instruction: string): readonly Message[] {
  const leading = messages.findIndex(({ role }) => !SYSTEM_ROLES.has(role));
  const index = (leading < 0 ? messages.length : leading) - 1;
  const system = messages[index];
  if (!system) return [{ role: 'system', content: instruction }, ...messages];
  return messages.with(index, withText(system, instruction, '\n\n'));
}

/**
 * The message with `text` after its own content: joined by `glue` if the content is a string, and as one more text part,
 * without `glue`, if it consists of parts.
 */
export function withText(message: Message, text: string, glue: string): Message {
  const { content } = message;
  if (Array.isArray(content))
    return { ...message, content: [...(content as readonly ContentPart[]), { type: 'text', text }] };
  const before = contentText(content);
  return { ...message, content: before === '' ? text : `${before}${glue}${text}` };
}

/** The messages with further turns after them. */
export function withTurns(messages: readonly Message[], ...turns: readonly Message[]): readonly Message[] {
  return [...messages, ...turns];
}

const DRAFT_INSTRUCTION =
  'An earlier attempt at answering this conversation stands between the draft tags. Use it as a starting point: keep what is right, ' +
  'correct what is wrong, add what is missing. Answer the conversation itself, completely, without mentioning the draft.';

/** The conversation with an earlier answer in its system text, as the second answerer of `a&b` gets it. */
export function withDraft(messages: readonly Message[], draft: string): readonly Message[] {
  return withInstruction(messages, `${DRAFT_INSTRUCTION}\n${delimited('draft', draft)}`);
}
