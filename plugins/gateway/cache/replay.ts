/** Tells a stored answer again in the form that is asked for: complete → events, events → complete. */
import type { Operation } from '../../../core/index.ts';
import { isRecord, type Dialect, type Fields } from './dialect.ts';
import type { Entry, Form } from './entry.ts';
import { chat, completions } from './replay-chat.ts';
import { messages } from './replay-messages.ts';
import { responses } from './replay-responses.ts';

/** Embeddings have one form only. */
const DIALECTS: { readonly [O in Operation]?: Dialect } = { chat, completions, responses, messages };

/** The bytes of `entry` in `form`; undefined where it cannot be had: a stream without usage serves streams alone. */
export function render(entry: Entry, form: Form, operation: Operation): Buffer | undefined {
  const made = entry.made?.[form];
  if (made) return made;
  const { body } = entry;
  const dialect = DIALECTS[operation];
  if (entry.form === 'complete') {
    if (form === 'complete') return body;
    const completion: unknown = JSON.parse(body.toString());
    return dialect && isRecord(completion)
      ? Buffer.from(dialect.toEvents(completion, form === 'stream_with_usage'))
      : undefined;
  }
  if (form === 'complete') {
    const completion = dialect?.toCompletion(eventsOf(body));
    return completion && Buffer.from(JSON.stringify(completion));
  }
  return form === 'stream' && dialect?.hasUsageChunk ? withoutUsage(body) : body;
}

/**
 * Is a 200 an answer worth keeping? Responses say in their body that they failed, or are not finished.
 */
export function isSuccess(form: Entry['form'], body: Buffer, operation: Operation): boolean {
  if (body.length === 0) return false;
  if (operation !== 'responses') return true;
  const response: unknown =
    form === 'stream' ? responses.toCompletion(eventsOf(body)) : (JSON.parse(body.toString()) as unknown);
  return isRecord(response) && (response['status'] === 'completed' || response['status'] === 'incomplete');
}

/** Whole events without the usage chunk, and without the `usage: null` that announces it. */
export function withoutUsage(events: Buffer): Buffer {
  if (!events.includes('"usage"')) return events;
  const kept = events
    .toString('latin1')
    .split(/(?<=\r\n\r\n|\n\n|\r\r)/)
    .filter((event) => !isUsageEvent(event))
    // Inside a string the quotes would be escaped: what is found is a member.
    .map((event) => event.replaceAll(/,\s*"usage"\s*:\s*null/g, ''));
  return Buffer.from(kept.join(''), 'latin1');
}

/** Whole events without the random padding that hides token lengths: it is no part of the answer. */
export function withoutObfuscation(events: Buffer): Buffer {
  if (!events.includes('"obfuscation"')) return events;
  return Buffer.from(events.toString('latin1').replaceAll(/,\s*"obfuscation"\s*:\s*"[^"\\]*"/g, ''), 'latin1');
}

/** The parsed `data` of each event; `[DONE]` and what is no JSON object are left out. */
export function eventsOf(body: Buffer): Fields[] {
  return body
    .toString()
    .split(/\r\n\r\n|\n\n|\r\r/)
    .flatMap((event) => {
      const data = dataOf(event);
      return data ? [data] : [];
    });
}

function isUsageEvent(event: string): boolean {
  if (!event.includes('"usage"')) return false;
  const data = dataOf(event);
  const choices = data?.['choices'];
  return isRecord(data?.['usage']) && (choices === undefined || (Array.isArray(choices) && choices.length === 0));
}

function dataOf(event: string): Fields | undefined {
  const data = event
    .split(/\r\n|\n|\r/)
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice(line[5] === ' ' ? 6 : 5))
    .join('\n');
  if (!data.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(data);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What a passenger of a live stream sees of it; undefined = all. */
export function changeFor(form: Form, operation: Operation): ((events: Buffer) => Buffer) | undefined {
  return form === 'stream' && DIALECTS[operation]?.hasUsageChunk ? withoutUsage : undefined;
}
