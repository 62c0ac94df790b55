import { isRecord, type Fields } from '../../bytes/json.ts';
import { ERROR_MARK, MARK_VALUE, lastUsageIn } from '../event-reader.ts';
import type { Failure } from '../failure.ts';
import { readFrame } from '../frame.ts';
import type { SseEvent } from '../sse.ts';
import { readUsage } from '../usage.ts';
import type { EventReader } from '../wire.ts';
import type { Usage } from './chat-types.ts';
import { toChunk } from './chunk.ts';
import { endedBadly, failureOfChoice, isFinished } from './finish.ts';

const MARK = new RegExp(String.raw`"(?:usage|finish_reason)"${MARK_VALUE}|${ERROR_MARK}|^data: ?\[DONE\]`, 'm');
const FINISHED = new RegExp(String.raw`"finish_reason"${MARK_VALUE}`);

/** Reads the events of chat and of text completions. Notes which choices have finished, how, and the usage. */
export class ChunkReader implements EventReader {
  readonly mark = MARK;
  hasFailed = false;
  readonly #choices: number;
  readonly #finished = new Set<number>();
  sawEndMark = false;
  usage: Usage | undefined;

  /** @param choices  How many choices must finish. */
  constructor(choices: number) {
    this.#choices = choices;
  }

  get isComplete(): boolean {
    return this.sawEndMark || this.#finished.size >= this.#choices;
  }

  read(event: SseEvent): Failure | undefined {
    const frame = readFrame(event);
    if (frame.kind === 'done') this.sawEndMark = true;
    const ofChoice = 'value' in frame && frame.value ? this.#readChunk(frame.value) : undefined;
    return frame.kind === 'failure' ? frame.failure : ofChoice;
  }

  readPart(text: string): void {
    if (this.#choices === 1 && FINISHED.test(text)) this.#finished.add(0);
    this.usage = lastUsageIn(text) ?? this.usage;
  }

  /** Returns the failure of the only choice. Of several choices the others are still worth having. */
  #readChunk(chunk: Fields): Failure | undefined {
    // Groq reports the usage in a member of its own.
    const groq = chunk['x_groq'];
    const usage = chunk['usage'] ?? (isRecord(groq) ? groq['usage'] : undefined);
    this.usage = readUsage(usage) ?? this.usage;
    let failure: Failure | undefined;
    for (const choice of toChunk(chunk).choices) {
      if (isFinished(choice.finish_reason)) this.#finished.add(choice.index);
      if (!endedBadly(choice)) continue;
      this.hasFailed = true;
      if (this.#choices === 1) failure ??= failureOfChoice(choice);
    }
    return failure;
  }
}
