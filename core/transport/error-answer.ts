/**
 * What an upstream says when it refuses (status 400 and above, or an error where an answer should be): the reply for the
 * client, in the shape of the upstream's wire, without keys.
 */
import { anthropicType, typeOfStatus } from '../errors.ts';
import { isRecord, parseJson } from '../bytes/json.ts';
import { withHeader, type HeaderList } from '../bytes/header-list.ts';
import type { ChatCompletion } from '../wire/chat/chat-types.ts';
import { Payload } from '../bytes/payload.ts';
import { completeReply, type CompleteReply } from '../exchange/reply.ts';
import type { Provider } from '../upstream/provider.ts';
import type { Upstream } from '../exchange/upstream.ts';

type Wire = Provider['wire'];

/** Longest plain text that is shown as an error's message. */
const MAX_TEXT = 500;
/** What is shorter is a placeholder, not a key. */
const SHORTEST_SECRET = 8;

/** The wire's own shape, no key of ours, and the upstream's headers with it (`retry-after`). */
export function errorAnswer(
  received: Buffer,
  status: number,
  headers: HeaderList,
  { upstream, secrets }: { readonly upstream: Upstream; readonly secrets: readonly string[] },
): CompleteReply {
  const shown = status > 599 ? 502 : status;
  const body = strikeOut(toErrorBody(received, shown, upstream.name, upstream.provider.wire), secrets);
  return completeReply(
    Payload.fromBytes<ChatCompletion>(body),
    shown,
    strikeOutOfHeaders(withHeader(headers, 'content-type', 'application/json'), secrets),
  );
}

/** The body as it came where it has an `error` object; any other shape, HTML or nothing becomes one. */
export function toErrorBody(body: Buffer, status: number, upstream: string, wire: Wire): Buffer {
  const parsed = parseJson(body.toString());
  if (isErrorBody(parsed, wire)) return body;
  const found = parsed === undefined ? { message: plainText(body) } : describe(parsed);
  const message = found.message ?? `The upstream '${upstream}' answered with status ${status}`;
  if (wire === 'anthropic')
    return Buffer.from(JSON.stringify({ type: 'error', error: { type: anthropicType(status), message } }));
  const { type = typeOfStatus(status), param = null, code = null } = found;
  return Buffer.from(JSON.stringify({ error: { message, type, param, code } }));
}

/** The status of an error that came with 200: its code where that is one, else 502. */
export function statusOfError(body: unknown): number {
  const error = isRecord(body) ? body['error'] : undefined;
  if (!isRecord(error)) return 502;
  for (const key of ['code', 'status', 'status_code']) {
    const status = Number(error[key] ?? Number.NaN);
    if (Number.isInteger(status) && status >= 400 && status <= 599) return status;
  }
  return 502;
}

/** Strikes out every key, also as JSON strings spell it. */
export function strikeOut(body: Buffer, keys: readonly string[]): Buffer {
  let text: string | undefined;
  for (const spelling of spellings(keys)) {
    if (!body.includes(spelling, 0, 'latin1')) continue;
    text = (text ?? body.toString('latin1')).replaceAll(wherever(spelling), '[redacted]');
  }
  return text === undefined ? body : Buffer.from(text, 'latin1');
}

/**
 * A placeholder for a server that asks for no key (`x`, `none`) is struck out only as a word of its own: inside others it
 * is no key, and `max_tokens` must stay what it is, for clients and for us who read what was refused.
 */
function wherever(key: string): string | RegExp {
  if (key.length >= SHORTEST_SECRET) return key;
  const literal = key.replaceAll(/\W/g, String.raw`\$&`);
  // The letter of an escape such as \n begins no word.
  return new RegExp(String.raw`(?<!(?<!\\)\w)${literal}(?!\w)`, 'g');
}

function strikeOutOfHeaders(headers: HeaderList, keys: readonly string[]): HeaderList {
  const all = spellings(keys);
  if (!headers.some((text) => all.some((key) => text.includes(key)))) return headers;
  return headers.map((text, index) =>
    index % 2 === 0 ? text : all.reduce((left, key) => left.replaceAll(wherever(key), '[redacted]'), text),
  );
}

function spellings(keys: readonly string[]): string[] {
  return keys
    .filter((key) => key !== '')
    .flatMap((key) => {
      const inJson = JSON.stringify(key).slice(1, -1);
      return [...new Set([key, inJson, inJson.replaceAll('/', String.raw`\/`)])];
    });
}

/** An Anthropic error from a server of OpenAI's wire has an `error` object too, but not the one clients of that wire read. */
function isErrorBody(body: unknown, wire: Wire): boolean {
  if (!isRecord(body) || !isRecord(body['error'])) return false;
  return wire === 'anthropic' || body['type'] !== 'error';
}

interface Description {
  readonly message?: string | undefined;
  readonly type?: string | undefined;
  readonly param?: string | undefined;
  readonly code?: string | number | undefined;
}

/** Reads the shapes that servers are known to use (OptiLLM, Ollama, vLLM, FastAPI, Bedrock, Cohere, Gemini, Anthropic). */
function describe(body: unknown): Description {
  if (Array.isArray(body)) return body.length > 0 ? describe(body[0]) : {};
  if (typeof body === 'string') return { message: textOf(body) };
  if (!isRecord(body)) return {};
  const { error, code } = body;
  if (typeof error === 'string') return { message: textOf(error), code: codeOf(code) };
  if (isRecord(error)) {
    const type = textOf(error['type']);
    return {
      message: textOf(error['message']) ?? textOf(error['detail']) ?? type,
      type,
      param: textOf(error['param']),
      code: textOf(error['status']) ?? codeOf(error['code']),
    };
  }
  return {
    message: textOf(body['message']) ?? textOf(body['Message']) ?? detailOf(body['detail']),
    type: body['object'] === 'error' ? textOf(body['type']) : undefined,
    param: textOf(body['param']),
    code: codeOf(code),
  };
}

/** FastAPI: a text, or a list of `{ loc, msg }`. */
function detailOf(detail: unknown): string | undefined {
  if (!Array.isArray(detail)) return isRecord(detail) ? describe(detail).message : textOf(detail);
  const lines = detail.flatMap((entry: unknown) => {
    if (!isRecord(entry)) return textOf(entry) ?? [];
    const where = Array.isArray(entry['loc']) ? `${entry['loc'].join('.')}: ` : '';
    const text = textOf(entry['msg']) ?? textOf(entry['message']);
    return text === undefined ? [] : where + text;
  });
  return lines.length > 0 ? lines.join('; ') : undefined;
}

function plainText(body: Buffer): string | undefined {
  const text = body
    .subarray(0, 4 * MAX_TEXT)
    .toString()
    .trim();
  if (text === '' || text.startsWith('<') || text.includes('\0')) return undefined;
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function codeOf(value: unknown): string | number | undefined {
  return typeof value === 'number' ? value : textOf(value);
}
