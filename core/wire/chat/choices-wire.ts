/** What chat and text completions share: answers are choices, streams are chunks that end in `[DONE]`. */
import { isRecord, type Fields } from '../../bytes/json.ts';
import { DONE, encodeData } from '../sse.ts';
import type { ChunkIdentity } from '../wire.ts';

export const COMMENT = Buffer.from(': keep-alive\n\n');

/** Has a body the choices that make it an answer? */
export function isChosen({ choices }: Fields): boolean {
  return Array.isArray(choices) && choices.length > 0;
}

export function hasChoices({ choices }: Fields, isChoice: (choice: Fields) => boolean): boolean {
  return Array.isArray(choices) && choices.every((choice) => isRecord(choice) && isChoice(choice));
}

export function encodedChunks(chunks: Iterable<object>): Buffer {
  return Buffer.concat([...Array.from(chunks, (chunk) => encodeData(chunk)), DONE]);
}

/** Puts a whole stream together. An answer whose usage nobody told is none: it could not be told again in full. */
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
