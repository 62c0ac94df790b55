/** What one chunk of a chat stream adds: the one tolerant reader for all who read chunks. */
import { isRecord, type Fields } from '../../bytes/json.ts';
import { readFrame, type Frame } from '../frame.ts';
import type { SseEvent } from '../sse.ts';
import type { Chunk, ChunkChoice } from './chat-types.ts';

export type ChunkFrame = { readonly kind: 'chunk'; readonly chunk: Chunk } | Exclude<Frame, { readonly kind: 'part' }>;

/** Reads an event as a chunk. What it lacks is filled in, so that readers need not look: `choices`, `index`, `delta`. */
export function readChunk(event: SseEvent): ChunkFrame {
  const frame = readFrame(event);
  return frame.kind === 'part' ? { kind: 'chunk', chunk: toChunk(frame.value) } : frame;
}

/** The object as a chunk: itself where it is a whole one. A chunk that only tells usage or metadata has no choices. */
export function toChunk(value: Fields): Chunk {
  const { choices } = value;
  // The one seam between what an upstream sends and the type of a chunk; fields beyond the choices are open.
  if (Array.isArray(choices) && choices.every(isWholeChoice)) return value as unknown as Chunk;
  const whole = Array.isArray(choices)
    ? choices.flatMap((choice: unknown, position) => toChoice(choice, position))
    : [];
  return { ...value, choices: whole } as unknown as Chunk;
}

function isWholeChoice(choice: unknown): boolean {
  return isRecord(choice) && typeof choice['index'] === 'number' && isRecord(choice['delta']);
}

function toChoice(choice: unknown, position: number): ChunkChoice[] {
  if (!isRecord(choice)) return [];
  const { index, delta, message, ...rest } = choice;
  // Some servers send the last chunk with a whole message in place of a delta.
  const given = isRecord(delta) ? delta : isRecord(message) ? message : {};
  return [{ index: typeof index === 'number' ? index : position, delta: given, ...rest }];
}

/** Does it bring something of an answer: text that is more than blanks, a tool call, a refusal? */
export function bringsContent({ choices }: Chunk): boolean {
  return choices.some(
    ({ delta }) => hasText(delta.content) || (delta.tool_calls?.length ?? 0) > 0 || hasText(delta.refusal),
  );
}

/** Does it end a choice? */
export function isLast({ choices }: Chunk): boolean {
  return choices.some(({ finish_reason }) => isFinished(finish_reason));
}

/** Does this `finish_reason` end a choice? Some servers send an empty one while it goes on. */
export function isFinished(reason: unknown): reason is string {
  return typeof reason === 'string' && reason !== '';
}

function hasText(value: unknown): boolean {
  return typeof value === 'string' && value.trim() !== '';
}
