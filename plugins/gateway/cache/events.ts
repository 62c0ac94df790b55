import { SseDecoder } from '../../../core/index.ts';
import { isRecord, type Fields } from './dialect.ts';

/** The `data` of each event; `[DONE]` and what is no JSON object are left out. */
export function dataOf(body: Buffer): Fields[] {
  return new SseDecoder().push(body).flatMap(({ data }) => {
    const value = data.startsWith('{') ? parsed(data) : undefined;
    return isRecord(value) ? [value] : [];
  });
}

/** undefined for what is no JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
