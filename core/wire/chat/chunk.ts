/** Reads chunks of a chat stream tolerantly. Every reader of chunks uses this, so that all see the same in one. */
import { isRecord, type Fields } from '../../bytes/json.ts';
import { readFrame, type Frame } from '../frame.ts';
import type { SseEvent } from '../sse.ts';
import type { Chunk, ChunkChoice } from './chat-types.ts';
import { bringsAnswer } from './content.ts';
import { isFinished } from './finish.ts';

/** What one event of a chat stream is. */
export type ChunkFrame = { readonly kind: 'chunk'; readonly chunk: Chunk } | Exclude<Frame, { readonly kind: 'part' }>;

/** Reads an event as a chunk. Missing `choices`, `index` and `delta` are filled in, so that readers need not check. */
export function readChunk(event: SseEvent): ChunkFrame {
  const frame = readFrame(event);
  return frame.kind === 'part' ? { kind: 'chunk', chunk: toChunk(frame.value) } : frame;
}

/**
 * The object itself if it is a complete chunk, else a completed copy. Without a list of choices it gets an empty one.
 */
export function toChunk(value: Fields): Chunk {
  const { choices } = value;
  // The only cast from what an upstream sends to the type of a chunk. Fields beside `choices` are not checked.
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

/** Does the chunk bring part of an answer: text that is not blank, a call of a tool, a medium, a refusal? */
export function bringsContent({ choices }: Chunk): boolean {
  return choices.some(({ delta }) => bringsAnswer(delta));
}

/** Does the chunk end a choice? */
export function isLast({ choices }: Chunk): boolean {
  return choices.some(({ finish_reason }) => isFinished(finish_reason));
}
