import { isRecord } from '../bytes/json.ts';
import { gatewayError } from '../errors.ts';

/** Throws a 400 that names the first message that an approach could not read. A plain call leaves them to the upstream. */
export function checkReadable(messages: readonly unknown[]): void {
  for (const [index, message] of messages.entries()) {
    const refuse = (detail: string) => gatewayError('invalid_value', { param: `messages[${index}]`, detail });
    if (!isRecord(message) || typeof message['role'] !== 'string') throw refuse('expected an object with a role');
    const calls = message['tool_calls'] ?? [];
    if (!Array.isArray(calls) || !calls.every(isRecord)) throw refuse('expected an array of objects as tool_calls');
  }
}
