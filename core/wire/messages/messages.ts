/**
 * Anthropic's Messages. An answer is a list of content blocks; its stream sends each block's start, deltas and stop.
 */
import { ANTHROPIC } from '../anthropic-errors.ts';
import { examine } from '../examine.ts';
import type { Wire } from '../wire.ts';
import { eventsToMessage, messageToEvents } from './message-events.ts';
import { MessageReader } from './message-reader.ts';

const PING = Buffer.from('event: ping\ndata: {"type":"ping"}\n\n');

export const messages: Wire = {
  ...ANTHROPIC,
  name: 'messages',
  isOpen: false,
  examine: (body, isFramed) =>
    examine(body, isFramed, {
      isAlwaysParsed: false,
      isAnswer: ({ type }) => type === 'message',
      lacking: undefined,
    }),
  endMark: undefined,
  readEvents: () => new MessageReader(),
  hasTwoForms: true,
  hasUsageChunk: false,
  toEvents: messageToEvents,
  toAnswer: eventsToMessage,
  isSuccess: (body) => body.length > 0,
  keepAlive: (mode) => (mode === 'off' ? undefined : PING),
};
