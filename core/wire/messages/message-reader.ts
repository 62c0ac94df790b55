import { isRecord, type Fields } from '../../bytes/json.ts';
import type { Usage } from '../chat/chat-types.ts';
import { ERROR_MARK } from '../event-reader.ts';
import type { Failure } from '../failure.ts';
import { readFrame } from '../frame.ts';
import type { SseEvent } from '../sse.ts';
import { readUsage } from '../usage.ts';
import type { EventReader } from '../wire.ts';

const MARK = new RegExp(String.raw`"message_(?:start|delta|stop)"|${ERROR_MARK}`, 'm');

/** Reads the events of a Messages stream. Notes its end, and the usage, which grows on the way. */
export class MessageReader implements EventReader {
  readonly mark = MARK;
  readonly sawEndMark = false;
  readonly hasFailed = false;
  isComplete = false;
  #reported: Fields | undefined;

  get usage(): Usage | undefined {
    return readUsage(this.#reported);
  }

  read(event: SseEvent): Failure | undefined {
    const frame = readFrame(event);
    if ('value' in frame && frame.value) this.#readEvent(frame.value);
    return frame.kind === 'failure' ? frame.failure : undefined;
  }

  readPart(): void {}

  #readEvent(event: Fields): void {
    const { type, message } = event;
    if (type === 'message_stop') this.isComplete = true;
    const usage = type === 'message_start' && isRecord(message) ? message['usage'] : event['usage'];
    if (!isRecord(usage)) return;
    // `message_delta` reports totals so far, which replace the earlier ones. Members that are missing or null keep
    // their value.
    const reported = Object.entries(usage).filter(([, value]) => value !== null);
    this.#reported = { ...this.#reported, ...Object.fromEntries(reported) };
  }
}
