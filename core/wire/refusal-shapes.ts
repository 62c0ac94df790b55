/** Reads the shapes in which servers refuse a request into one. */
import { isRecord } from '../bytes/json.ts';

/** The longest plain text that is shown as an error's message. A longer one is cut. */
const MAX_TEXT = 500;

/** What a refusal says. Members that it leaves out are undefined. */
export interface RefusalDescription {
  readonly message?: string | undefined;
  readonly type?: string | undefined;
  readonly param?: string | undefined;
  readonly code?: string | number | undefined;
}

/**
 * Reads a refusal of any known shape.
 * @param parsed  Its body as a JSON value. If it is undefined, `received` is read as text.
 */
export function describeRefusal(parsed: unknown, received: Buffer): RefusalDescription {
  return parsed === undefined ? { message: plainText(received) } : describe(parsed);
}

/** The refusal's own message; if it has none, one with the upstream and the status. */
export function refusalMessage(
  { message }: RefusalDescription,
  { status, upstream }: { readonly status: number; readonly upstream: string },
): string {
  return message ?? `The upstream '${upstream}' answered with status ${status}`;
}

/**
 * Reads the shapes that servers are known to use (OptiLLM, Ollama, vLLM, FastAPI, Bedrock, Cohere, Gemini, Anthropic).
 */
function describe(body: unknown): RefusalDescription {
  if (Array.isArray(body)) return body.length > 0 ? describe(body[0]) : {};
  if (typeof body === 'string') return { message: stringOrUndefined(body) };
  if (!isRecord(body)) return {};
  const { error, code } = body;
  if (typeof error === 'string') return { message: stringOrUndefined(error), code: codeOf(code) };
  if (isRecord(error)) {
    const type = stringOrUndefined(error['type']);
    return {
      message: stringOrUndefined(error['message']) ?? stringOrUndefined(error['detail']) ?? type,
      type,
      param: stringOrUndefined(error['param']),
      code: stringOrUndefined(error['status']) ?? codeOf(error['code']),
    };
  }
  return {
    message: stringOrUndefined(body['message']) ?? stringOrUndefined(body['Message']) ?? detailOf(body['detail']),
    type: body['object'] === 'error' ? stringOrUndefined(body['type']) : undefined,
    param: stringOrUndefined(body['param']),
    code: codeOf(code),
  };
}

/** FastAPI's `detail`: a text, an object, or a list of `{ loc, msg }`. */
function detailOf(detail: unknown): string | undefined {
  if (!Array.isArray(detail)) return isRecord(detail) ? describe(detail).message : stringOrUndefined(detail);
  const lines = detail.flatMap((entry: unknown) => {
    if (!isRecord(entry)) return stringOrUndefined(entry) ?? [];
    const where = Array.isArray(entry['loc']) ? `${entry['loc'].join('.')}: ` : '';
    const text = stringOrUndefined(entry['msg']) ?? stringOrUndefined(entry['message']);
    return text === undefined ? [] : where + text;
  });
  return lines.length > 0 ? lines.join('; ') : undefined;
}

/** Undefined for a body that is empty, HTML or binary. */
function plainText(body: Buffer): string | undefined {
  const text = body
    .subarray(0, 4 * MAX_TEXT)
    .toString()
    .trim();
  if (text === '' || text.startsWith('<') || text.includes('\0')) return undefined;
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}

function stringOrUndefined(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function codeOf(value: unknown): string | number | undefined {
  return typeof value === 'number' ? value : stringOrUndefined(value);
}
