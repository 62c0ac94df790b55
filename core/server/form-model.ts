/** Reads which model a form names, so that the form can go to the upstream that the name begins with. */
import { gatewayError, GatewayError } from '../errors.ts';
import type { Upload } from '../exchange/exchange.ts';

/** Paths that take a form whose field `model` says which model runs. */
const FORM_PATHS: ReadonlySet<string> = new Set(
  ['audio/transcriptions', 'audio/translations', 'images/edits', 'images/variations'].map((path) => `/v1/${path}`),
);
/** The longest headers of a part, and the longest name of a model. */
const LONGEST = { headers: 4_096, name: 1_024 };

/** May this be a form that names a model? */
export function isModelForm(path: string, contentType: string | undefined): boolean {
  return FORM_PATHS.has(path) && boundaryOf(contentType) !== undefined;
}

/**
 * Reads an upload up to its field `model`, which may stand after the file. The upload that it returns sends the same
 * bytes, and knows the model. If there is none within `limit` bytes, it knows none.
 */
export async function readFormModel(upload: Upload, limit: number): Promise<Upload> {
  const rest = upload.body[Symbol.asyncIterator]();
  const boundary = boundaryOf(upload.contentType) ?? '';
  const head = new Head();
  let found: Found = { kind: 'more', from: 0 };
  while (found.kind === 'more' && head.bytes.length < limit) {
    const next = await nextOf(rest);
    if (next === undefined) break;
    head.add(next);
    found = findModel(head.bytes, boundary, found.from);
  }
  return new FormUpload(upload, head.bytes, rest, found.kind === 'model' ? found : undefined);
}

async function nextOf(rest: AsyncIterator<Buffer>): Promise<Buffer | undefined> {
  try {
    const { done, value } = await rest.next();
    return done === true ? undefined : value;
  } catch (error) {
    throw error instanceof GatewayError ? error : gatewayError('client_closed', {}, { cause: error });
  }
}

/** Where the name of the model stands. */
interface Span {
  readonly start: number;
  readonly end: number;
}

type Found =
  | ({ readonly kind: 'model' } & Span)
  | { readonly kind: 'none' }
  /** Not seen yet; the search goes on at `from`. */
  | { readonly kind: 'more'; readonly from: number };

/** Looks for the field in what came so far. Skips the contents of all other parts. */
function findModel(bytes: Buffer, boundary: string, from: number): Found {
  const delimiter = `--${boundary}`;
  let at = from;
  for (;;) {
    const open = bytes.indexOf(delimiter, at, 'latin1');
    if (open < 0) return { kind: 'more', from: Math.max(at, bytes.length - delimiter.length) };
    const line = open + delimiter.length;
    if (bytes.length < line + 2) return { kind: 'more', from: open };
    const after = bytes.toString('latin1', line, line + 2);
    const isBorder = (open === 0 || bytes[open - 1] === 0x0a) && (after === '\r\n' || after === '--');
    if (!isBorder) {
      at = line;
      continue;
    }
    if (after === '--') return { kind: 'none' };
    const end = bytes.indexOf('\r\n\r\n', line);
    if (end < 0 || end - line > LONGEST.headers)
      return bytes.length - line > LONGEST.headers ? { kind: 'none' } : { kind: 'more', from: open };
    if (!isModelPart(bytes.toString('latin1', line, end))) {
      at = end + 2;
      continue;
    }
    const start = end + 4;
    const close = bytes.indexOf(`\r\n${delimiter}`, start, 'latin1');
    if (close >= 0 && close - start <= LONGEST.name) return { kind: 'model', start, end: close };
    return bytes.length - start > LONGEST.name + delimiter.length ? { kind: 'none' } : { kind: 'more', from: open };
  }
}

function isModelPart(headers: string): boolean {
  return headers
    .split('\r\n')
    .some((line) => /^content-disposition:/i.test(line) && /;[ \t]*name=(?:"model"|model[ \t]*(?:;|$))/i.test(line));
}

function boundaryOf(contentType: string | undefined): string | undefined {
  if (contentType === undefined || !/^multipart\/form-data\b/i.test(contentType)) return undefined;
  const match = /;[ \t]*boundary=(?:"([^"]{1,200})"|([^\s;",]{1,200}))/i.exec(contentType);
  return match?.[1] ?? match?.[2];
}

/** Bytes that grow at the end. */
class Head {
  #buffer = Buffer.alloc(0);
  #size = 0;

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#size);
  }

  add(chunk: Buffer): void {
    const size = this.#size + chunk.length;
    if (size > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(size, 2 * this.#buffer.length));
      this.#buffer.copy(larger, 0, 0, this.#size);
      this.#buffer = larger;
    }
    chunk.copy(this.#buffer, this.#size);
    this.#size = size;
  }
}

/** An upload of which the beginning was read. */
class FormUpload implements Upload {
  readonly contentType: string | undefined;
  readonly contentLength: number | undefined;
  readonly body: AsyncIterable<Buffer>;
  readonly model: string | undefined;
  readonly #head: Buffer;
  readonly #rest: AsyncIterator<Buffer>;
  readonly #span: Span | undefined;
  isStarted = false;

  constructor(
    { contentType, contentLength }: Pick<Upload, 'contentType' | 'contentLength'>,
    head: Buffer,
    rest: AsyncIterator<Buffer>,
    span: Span | undefined,
  ) {
    this.contentType = contentType;
    this.contentLength = contentLength;
    this.model = span && head.toString('utf8', span.start, span.end);
    this.#head = head;
    this.#rest = rest;
    this.#span = span;
    this.body = this.#read();
  }

  withModel(name: string): Upload {
    const { contentType, contentLength } = this;
    const span = this.#span;
    if (!span) return this;
    const value = Buffer.from(name);
    const head = Buffer.concat([this.#head.subarray(0, span.start), value, this.#head.subarray(span.end)]);
    const end = span.start + value.length;
    const length = contentLength === undefined ? undefined : contentLength + end - span.end;
    return new FormUpload({ contentType, contentLength: length }, head, this.#rest, { start: span.start, end });
  }

  async *#read(): AsyncGenerator<Buffer> {
    this.isStarted = true;
    yield this.#head;
    yield* { [Symbol.asyncIterator]: () => this.#rest };
  }
}
