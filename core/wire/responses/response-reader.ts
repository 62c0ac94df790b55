import { isRecord, type Fields } from '../../bytes/json.ts';
import type { Usage } from '../chat/chat-types.ts';
import { ERROR_MARK, lastUsageIn } from '../event-reader.ts';
import type { Failure } from '../failure.ts';
import { readFrame } from '../frame.ts';
import type { SseEvent } from '../sse.ts';
import { readUsage } from '../usage.ts';
import type { EventReader } from '../wire.ts';

const MARK = new RegExp(String.raw`"response\.(?:completed|incomplete|failed)"|${ERROR_MARK}`, 'm');
const FINAL_EVENT = /"response\.(?:completed|incomplete)"/;
/** How much of an event is searched for its type, which stands at the beginning. */
const TYPE_BYTES = 4096;

/** Reads the events of a Responses stream. Notes errors, and the last event, which holds the whole response. */
export class ResponseReader implements EventReader {
  readonly mark = MARK;
  readonly sawEndMark = false;
  isComplete = false;
  hasFailed = false;
  usage: Usage | undefined;

  read(event: SseEvent): Failure | undefined {
    const frame = readFrame(event);
    if (frame.kind === 'failure') {
      this.isComplete = true;
      return frame.failure;
    }
    if (frame.kind === 'part') this.#readEvent(frame.value);
    return undefined;
  }

  readPart(text: string): void {
    if (FINAL_EVENT.test(text.slice(0, TYPE_BYTES))) this.isComplete = true;
    if (!this.isComplete) return;
    this.usage = lastUsageIn(text) ?? this.usage;
  }

  #readEvent({ type, response }: Fields): void {
    if (type !== 'response.completed' && type !== 'response.incomplete' && type !== 'response.failed') return;
    this.isComplete = true;
    if (type === 'response.failed') this.hasFailed = true;
    if (isRecord(response)) this.usage = readUsage(response['usage']) ?? this.usage;
  }
}
