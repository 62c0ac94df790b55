/** Tells a stored answer again in the form that is asked for: complete → events, events → complete. */
import {
  ChunkAssembler,
  completionToChunks,
  DONE,
  encodeData,
  TextChunkAssembler,
  textCompletionToChunks,
  withoutUsage,
  type ChatCompletion,
  type Operation,
  type TextCompletion,
} from '../../../core/index.ts';
import { isRecord, type Dialect, type Fields } from './dialect.ts';
import type { Entry, Form } from './entry.ts';
import { parsed } from './events.ts';
import { messages } from '../../../core/wire/messages/message-events.ts';
import { responses } from '../../../core/wire/responses/response-events.ts';

const chat: Dialect = {
  hasUsageChunk: true,
  toEvents: (completion, includeUsage) =>
    isChat(completion) ? encoded(completionToChunks(completion, { includeUsage })) : undefined,
  toCompletion: (events) => assembled(new ChunkAssembler(), events),
};

const completions: Dialect = {
  hasUsageChunk: true,
  toEvents: (completion, includeUsage) =>
    isText(completion) ? encoded(textCompletionToChunks(completion, { includeUsage })) : undefined,
  toCompletion: (events) => assembled(new TextChunkAssembler(), events),
};

/** Embeddings have one form only. */
const DIALECTS: { readonly [O in Operation]?: Dialect } = { chat, completions, responses, messages };

/** The bytes of `entry` in `form`; undefined where it cannot be had: a stream without usage serves streams alone. */
export function render(entry: Entry, form: Form, operation: Operation): Buffer | undefined {
  const made = entry.made?.[form];
  if (made) return made;
  const { body } = entry;
  const dialect = DIALECTS[operation];
  if (entry.form === 'complete') {
    if (form === 'complete') return body;
    const completion = parsed(body.toString());
    return isRecord(completion) ? dialect?.toEvents(completion, form === 'stream_with_usage') : undefined;
  }
  if (form === 'complete') {
    const completion = dialect?.toCompletion(body);
    return completion && Buffer.from(JSON.stringify(completion));
  }
  return form === 'stream' && dialect?.hasUsageChunk ? strip(body) : body;
}

/** What a passenger of a live stream sees of it; undefined = all. */
export function changeFor(form: Form, operation: Operation): ((events: Buffer) => Buffer) | undefined {
  return form === 'stream' && DIALECTS[operation]?.hasUsageChunk ? strip : undefined;
}

/** Is a 200 an answer worth keeping? Responses say in their body that they failed, or are not finished. */
export function isSuccess(form: Entry['form'], body: Buffer, operation: Operation): boolean {
  if (body.length === 0) return false;
  if (operation !== 'responses') return true;
  const response = form === 'stream' ? responses.toCompletion(body) : parsed(body.toString());
  return isRecord(response) && (response['status'] === 'completed' || response['status'] === 'incomplete');
}

/** Whole events as they would be had nobody asked for usage. */
function strip(events: Buffer): Buffer {
  return withoutUsage(events) ?? NOTHING;
}

const NOTHING = Buffer.alloc(0);

/** Whole events without the random padding that hides token lengths: it is no part of the answer. */
export function withoutObfuscation(events: Buffer): Buffer {
  if (!events.includes('"obfuscation"')) return events;
  return Buffer.from(events.toString('latin1').replaceAll(/,\s*"obfuscation"\s*:\s*"[^"\\]*"/g, ''), 'latin1');
}

function isChat(completion: Fields): completion is Fields & ChatCompletion {
  return hasChoices(completion, ({ message }) => isRecord(message));
}

function isText(completion: Fields): completion is Fields & TextCompletion {
  return hasChoices(completion, ({ text }) => typeof text === 'string');
}

function hasChoices({ choices }: Fields, isChoice: (choice: Fields) => boolean): boolean {
  return Array.isArray(choices) && choices.every((choice) => isRecord(choice) && isChoice(choice));
}

function encoded(chunks: Iterable<object>): Buffer {
  return Buffer.concat([...Array.from(chunks, (chunk) => encodeData(chunk)), DONE]);
}

function assembled(assembler: ChunkAssembler | TextChunkAssembler, events: Buffer): object | undefined {
  assembler.push(events);
  if (!assembler.isWhole) return undefined;
  const completion = assembler.toCompletion();
  return completion.usage ? completion : undefined;
}
