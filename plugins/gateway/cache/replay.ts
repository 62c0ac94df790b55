/** Converts a stored answer to the form that is asked for: whole → events, events → whole. */
import { withoutUsage, type Wire } from '../../../core/index.ts';
import type { Entry, Form } from './entry.ts';

/**
 * The bytes of an entry in a form; undefined if it cannot be converted. Usage that a client did not ask for is removed.
 */
export function render(entry: Entry, form: Form, wire: Wire): Buffer | undefined {
  const made = entry.made?.[form];
  if (made) return made;
  const { body } = entry;
  if (entry.form === 'complete') {
    if (form === 'complete') return body;
    const answer = parsedObject(body);
    return answer && wire.toEvents(answer, form === 'stream_with_usage');
  }
  if (form === 'complete') {
    const answer = wire.toAnswer(body);
    return answer && Buffer.from(JSON.stringify(answer));
  }
  return form === 'stream' && wire.hasUsageChunk ? strip(body) : body;
}

/** What is to be changed in a live stream for a request that joins it; undefined = nothing. */
export function changeFor(form: Form, wire: Wire): ((events: Buffer) => Buffer) | undefined {
  return form === 'stream' && wire.hasUsageChunk ? strip : undefined;
}

/** Removes the usage from whole events. */
function strip(events: Buffer): Buffer {
  return withoutUsage(events) ?? NOTHING;
}

const NOTHING = Buffer.alloc(0);

/**
 * Removes the random padding from whole events, by which OpenAI hides the lengths of tokens: it is not part of the
 * answer.
 */
export function withoutObfuscation(events: Buffer): Buffer {
  if (!events.includes('"obfuscation"')) return events;
  return Buffer.from(events.toString('latin1').replaceAll(/,\s*"obfuscation"\s*:\s*"[^"\\]*"/g, ''), 'latin1');
}

function parsedObject(body: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}
