/** What the wires of chat and text completions share: answers hold choices, streams are chunks that end in `[DONE]`. */
import { isRecord, type Fields } from '../../bytes/json.ts';
import { DONE, encodeData } from '../sse.ts';
import type { ChunkIdentity } from '../wire.ts';

/** An SSE comment, which clients ignore. */
export const COMMENT = Buffer.from(': keep-alive\n\n');

/** Is there at least one choice? */
export function hasAnyChoice({ choices }: Fields): boolean {
  return Array.isArray(choices) && choices.length > 0;
}

/** Is `choices` a list, perhaps empty, in which every entry is a choice of this wire? */
export function hasOnlyChoices({ choices }: Fields, isChoice: (choice: Fields) => boolean): boolean {
  return Array.isArray(choices) && choices.every((choice) => isRecord(choice) && isChoice(choice));
}

/** A whole stream of chunks as bytes, `[DONE]` included. */
export function encodedChunks(chunks: Iterable<object>): Buffer {
  return Buffer.concat([...Array.from(chunks, (chunk) => encodeData(chunk)), DONE]);
}

/**
 * Assembles a whole stream into one answer. Undefined if it is not complete or has no usage: such an answer could not
 * be given to a client that wants the usage.
 */
export function assembled(
  assembler: { push(events: Buffer): void; readonly isWhole: boolean; toCompletion(): object },
  events: Buffer,
): object | undefined {
  assembler.push(events);
  if (!assembler.isWhole) return undefined;
  const completion = assembler.toCompletion();
  return 'usage' in completion && completion.usage ? completion : undefined;
}

/** A chunk that adds nothing, for clients that break on comments. */
export function emptyChunk(head: ChunkIdentity | undefined, rest: object): Buffer {
  const { id = 'chatcmpl-keep-alive', created = Math.floor(Date.now() / 1000), model = '' } = head ?? {};
  return encodeData({ id, created, model, ...rest });
}
