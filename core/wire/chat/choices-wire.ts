/** What the wires of chat and text completions share: answers hold choices, streams are chunks that end in `[DONE]`. */
import { isRecord, parseJson, type Fields } from '../../bytes/json.ts';
import { EventStreamWatch } from '../event-stream.ts';
import { examine } from '../examine.ts';
import { tellsFailure } from '../failure.ts';
import { OPENAI } from '../openai-errors.ts';
import { DONE, encodeData } from '../sse.ts';
import type { Wire } from '../wire.ts';
import { ChunkReader } from './chunk-reader.ts';
import { endedBadly, failureOfChoices } from './finish.ts';

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
  const wire: Wire = {
    ...OPENAI,
    name: own.name,
    isOpen: false,
    examine: (body, isFramed) =>
      examine(body, isFramed, {
        isAlwaysParsed: own.isAlwaysParsed,
        isAnswer: ({ choices }) => Array.isArray(choices) && choices.length > 0,
        failureIn: failureOfChoices,
        lacking: 'answered without any choice',
      }),
    endMark: DONE,
    readEvents: (request) => new ChunkReader(own.choicesAsked(request)),
    hasTwoForms: true,
    hasUsageChunk: true,
    toEvents: (answer, includeUsage) =>
      hasOnlyChoices(answer, own) ? encodedChunks(own.toChunks(answer, includeUsage)) : undefined,
    toAnswer: (events, { needsUsage = true } = {}) => assembled(own.createAssembler(), events, needsUsage),
    isSuccess: (body, form) => (form === 'stream' ? isGoodStream(body, wire) : isGoodAnswer(body)),
    keepAlive(mode, head) {
      if (mode === 'off') return undefined;
      if (mode === 'comment') return COMMENT;
      // Some clients break on comments; they get an empty chunk.
      return encodeData({ ...head(), ...own.emptyChunk });
    },
  };
  return wire;
}

/** Does a whole answer report no failure, of itself or of a choice? */
function isGoodAnswer(body: Buffer): boolean {
  const answer = parseJson(body.toString());
  if (!isRecord(answer) || tellsFailure(answer)) return false;
  const { choices } = answer;
  return Array.isArray(choices) && choices.every((choice) => isRecord(choice) && !endedBadly(choice));
}

/** Does a whole stream report no failure, of itself or of a choice? */
function isGoodStream(events: Buffer, wire: Wire): boolean {
  const watch = new EventStreamWatch({ wire });
  watch.push(events);
  return watch.hasEvent && !watch.hasFailed;
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
 * Assembles a whole stream into one answer. Undefined if it is not complete, or lacks the usage that is needed: whole
 * answers are expected to have it.
 */
function assembled(assembler: Assembler, events: Buffer, needsUsage: boolean): object | undefined {
  assembler.push(events);
  if (!assembler.isWhole) return undefined;
  const completion = assembler.toCompletion();
  return !needsUsage || ('usage' in completion && completion.usage) ? completion : undefined;
}
