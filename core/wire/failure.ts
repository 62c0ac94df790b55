/** Reads errors that come in place of an answer: in a body with status 200, or as an event of a stream. */
import { isRecord, type Fields } from '../bytes/json.ts';

/** An error that the upstream itself sent. */
export interface Failure {
  readonly message: string;
  readonly type: string | undefined;
  readonly code: string | number | undefined;
  /** The HTTP status (400–599) that its code or status names; 502 if it names none. */
  readonly status: number;
  /** The payload as it came, parsed; a text if it was not JSON. */
  readonly body: unknown;
}

/** Does an object say that it is an error? An empty `error` member (`null`, `""`, `{}`) does not count. */
export function tellsFailure(value: Fields): boolean {
  if (saysSomething(value['error']) || value['type'] === 'error' || value['object'] === 'error') return true;
  // Some servers name the kind of error at the top, beside `choices: null`.
  return Boolean(value['error_type']) && !Array.isArray(value['choices']);
}

/**
 * Reads an error in any of its forms: `{ error: { … } }`, `{ error: "text" }`, its members at the top, or no object.
 * @param text  The payload as it came: the message of an error that has none of its own.
 */
export function failureOf(value: unknown, text: string): Failure {
  const nested = isRecord(value) ? value['error'] : undefined;
  const facts = isRecord(nested) ? nested : nested === undefined && isRecord(value) ? value : {};
  const { code } = facts;
  const plain = typeof nested === 'string' ? nested : typeof value === 'string' ? value : text;
  return {
    message: firstText(facts['message'], facts['error_message'], facts['detail']) ?? plain,
    type: firstText(facts['type'], facts['error_type']),
    code: typeof code === 'string' || typeof code === 'number' ? code : undefined,
    status: statusOf(facts),
    body: value ?? text,
  };
}

/** Is a member `error` more than a sign that there is none? */
export function saysSomething(error: unknown): boolean {
  return isRecord(error) ? Object.keys(error).length > 0 : Boolean(error);
}

function firstText(...values: readonly unknown[]): string | undefined {
  return values.find((value) => typeof value === 'string' && value !== '') as string | undefined;
}

/** The first of an error's codes and statuses that is an HTTP status of a failure; else 502. */
function statusOf({ code, status, status_code }: Fields): number {
  const named = [code, status, status_code].map((each) => Number(each ?? Number.NaN));
  return named.find((number) => Number.isInteger(number) && number >= 400 && number <= 599) ?? 502;
}

/** A failure as a body: its payload as JSON, or as the text that it came as. */
export function bodyOf({ body }: Failure): Buffer {
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body ?? null));
}
