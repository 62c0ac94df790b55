/** OpenAI's Responses. An answer is a list of items; its stream ends with an event that holds all of them. */
import { isRecord, parseJson } from '../../bytes/json.ts';
import { COMMENT } from '../chat/choices-wire.ts';
import { examine } from '../examine.ts';
import { encodeEvent } from '../frame.ts';
import { OPENAI } from '../openai-errors.ts';
import type { Wire } from '../wire.ts';
import { eventsToResponse, responseToEvents } from './response-events.ts';
import { ResponseReader } from './response-reader.ts';

/** The statuses of a response that has an answer. `incomplete`: a limit cut it. */
const SUCCESSES: ReadonlySet<unknown> = new Set(['completed', 'incomplete']);

export const responses: Wire = {
  ...OPENAI,
  name: 'responses',
  isOpen: false,
  examine: (body, isFramed) =>
    examine(body, isFramed, {
      isAlwaysParsed: false,
      // Every response has a member `error`, usually null.
      isAnswer: ({ object }) => object === 'response',
      lacking: undefined,
    }),
  endMark: undefined,
  readEvents: () => new ResponseReader(),
  hasTwoForms: true,
  hasUsageChunk: false,
  toEvents: responseToEvents,
  toAnswer: eventsToResponse,
  isSuccess(body, form) {
    if (body.length === 0) return false;
    const response = form === 'stream' ? eventsToResponse(body) : parseJson(body.toString());
    return isRecord(response) && SUCCESSES.has(response['status']);
  },
  errorEvent: ({ message, code }, sequence_number = 0) =>
    encodeEvent('error', { type: 'error', code, message, param: null, sequence_number }),
  keepAlive: (mode) => (mode === 'off' ? undefined : COMMENT),
};
