/** What the wires of chat and text completions share: answers hold choices, streams are chunks that end in `[DONE]`. */
import { isRecord, type Fields } from '../../bytes/json.ts';
import { examine } from '../examine.ts';
import { OPENAI } from '../openai-errors.ts';
import { DONE, encodeData } from '../sse.ts';
import type { Wire } from '../wire.ts';
import { ChunkReader } from './chunk-reader.ts';

/** An SSE comment, which clients ignore. */
export const COMMENT = Buffer.from(': keep-alive\n\n');

/** What differs between the two wires. */
export interface ChoicesWire {
  readonly name: string;
  /** @see AnswerRules.isAlwaysParsed */
  readonly isAlwaysParsed: boolean;
  /** Is a member of `choices` in a whole answer a choice of this wire? */
  isChoice(choice: Fields): boolean;
  /** How many choices a request asks for. Its fields are not checked. */
  choicesAsked(request: Fields): number;
  /** The chunks of a whole answer, whose choices have been checked. */
  toChunks(answer: Fields, includeUsage: boolean): Iterable<object>;
  /** Creates what assembles the chunks of one stream into an answer. */
  createAssembler(): Assembler;
  /** The members beside id, time and model of a chunk that adds nothing. */
  readonly emptyChunk: object;
}

interface Assembler {
  push(events: Buffer): void;
  readonly isWhole: boolean;
  toCompletion(): object;
}

/** Creates a wire whose answers hold choices. */
export function choicesWire(own: ChoicesWire): Wire {
  return {
    ...OPENAI,
    name: own.name,
    isOpen: false,
    examine: (body, isFramed) =>
      examine(body, isFramed, {
        isAlwaysParsed: own.isAlwaysParsed,
        isAnswer: ({ choices }) => Array.isArray(choices) && choices.length > 0,
        lacking: 'answered without any choice',
      }),
    endMark: DONE,
    readEvents: (request) => new ChunkReader(own.choicesAsked(request)),
    hasTwoForms: true,
    hasUsageChunk: true,
    toEvents: (answer, includeUsage) =>
      hasOnlyChoices(answer, own) ? encodedChunks(own.toChunks(answer, includeUsage)) : undefined,
    toAnswer: (events) => assembled(own.createAssembler(), events),
    isSuccess: (body) => body.length > 0,
    keepAlive(mode, head) {
      if (mode === 'off') return undefined;
      if (mode === 'comment') return COMMENT;
      // Some clients break on comments; they get an empty chunk.
      const { id = 'chatcmpl-keep-alive', created = Math.floor(Date.now() / 1000), model = '' } = head ?? {};
      return encodeData({ id, created, model, ...own.emptyChunk });
    },
  };
}

/** How many choices `n` asks for, of each prompt. */
export function choicesPerPrompt({ n }: Fields): number {
  return typeof n === 'number' && n > 1 ? n : 1;
}

/** Is `choices` a list, perhaps empty, in which every entry is a choice of this wire? */
function hasOnlyChoices({ choices }: Fields, own: ChoicesWire): boolean {
  return Array.isArray(choices) && choices.every((choice) => isRecord(choice) && own.isChoice(choice));
}

function encodedChunks(chunks: Iterable<object>): Buffer {
  return Buffer.concat([...Array.from(chunks, (chunk) => encodeData(chunk)), DONE]);
}

/**
 * Assembles a whole stream into one answer. Undefined if it is not complete or has no usage: such an answer could not
 * be given to a client that wants the usage.
 */
function assembled(assembler: Assembler, events: Buffer): object | undefined {
  assembler.push(events);
  if (!assembler.isWhole) return undefined;
  const completion = assembler.toCompletion();
  return 'usage' in completion && completion.usage ? completion : undefined;
}
