/** Tells a stored answer again in the form that is asked for: complete → events, events → complete. */
import { withoutUsage, type Wire } from '../../../core/index.ts';
import type { Entry, Form } from './entry.ts';

/** The bytes of `entry` in `form`; undefined where it cannot be had: a stream without usage serves streams alone. */
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

/** What a passenger of a live stream sees of it; undefined = all. */
export function changeFor(form: Form, wire: Wire): ((events: Buffer) => Buffer) | undefined {
  return form === 'stream' && wire.hasUsageChunk ? strip : undefined;
}

/** Whole events as they would be had nobody asked for usage. */
function strip(events: Buffer): Buffer {
  return withoutUsage(events) ?? NOTHING;
}

const NOTHING = Buffer.alloc(0);

/** Whole events without the random padding that hides token lengths: it is no part of the answer. */
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
