import { promisify } from 'node:util';
import { gunzip as gunzipCallback, gzip as gzipCallback } from 'node:zlib';
import { headerOf, isDeeperThan, type HeaderList, type Wire } from '../../../core/index.ts';

const gzip = promisify(gzipCallback);
const gunzip = promisify(gunzipCallback);

/** How an answer is sent: whole, as a stream, or as a stream with usage, for a client that asked for it. */
export type Form = 'complete' | 'stream' | 'stream_with_usage';

/** One stored answer, as the upstream sent it. Immutable. */
export interface Entry {
  /** Milliseconds since the epoch. */
  readonly storedAt: number;
  readonly expiresAt: number;
  /** What `body` is: a JSON object, or the events of a whole stream. */
  readonly form: 'complete' | 'stream';
  /** The headers that `headersToKeep` picks. */
  readonly headers: HeaderList;
  readonly body: Buffer;
  /** The bodies that were made of it for other forms. */
  readonly made?: { readonly [F in Form]?: Buffer };
}

/** Headers that are still true when the answer is sent again. Rate limits, durations and request ids are not. */
const KEPT_HEADERS = ['content-type', 'openai-model', 'openai-version', 'anthropic-version'] as const;
const KEPT: ReadonlySet<unknown> = new Set(KEPT_HEADERS);

/** The headers that are stored with an answer, and that requests get which share it. */
export function headersToKeep(headers: HeaderList): HeaderList {
  return KEPT_HEADERS.flatMap((name) => {
    const value = headerOf(headers, name);
    return value === undefined ? [] : [name, value];
  });
}

/** The memory that an entry takes, in bytes. */
export function sizeOf(entry: Entry): number {
  let size = OVERHEAD + entry.body.length;
  for (const text of entry.headers) size += text.length;
  for (const body of Object.values(entry.made ?? {})) size += body.length;
  return size;
}

/** Roughly what an entry's key, objects and list links take, in bytes. */
const OVERHEAD = 512;

/** `OG` and the version 1. Bytes that begin otherwise belong to another program or version, and are a miss. */
const MAGIC = Buffer.from([0x4f, 0x47, 0x01]);
const HEAD_OFFSET = MAGIC.length + 4;
/** A head has four short headers. */
const MAX_HEAD_BYTES = 64 * 1024;
/** Brackets that may be open at once in an entry's body. An answer has fewer; converting one with many overflows. */
const MAX_DEPTH = 512;

interface Head {
  readonly storedAt: number;
  readonly expiresAt: number;
  readonly form: 'complete' | 'stream';
  readonly headers: HeaderList;
  /** The body's length before compression. */
  readonly length: number;
  readonly isZipped: boolean;
}

/**
 * An entry as bytes: magic, length of the head, head (JSON), body.
 * @param zipAbove  In bytes. A larger body is compressed, outside the event loop.
 */
export async function encodeEntry(entry: Entry, zipAbove: number): Promise<Buffer> {
  const { storedAt, expiresAt, form, headers, body } = entry;
  const isZipped = body.length > zipAbove;
  const head: Head = { storedAt, expiresAt, form, headers, length: body.length, isZipped };
  const headBytes = Buffer.from(JSON.stringify(head));
  const size = Buffer.allocUnsafe(4);
  size.writeUInt32BE(headBytes.length);
  return Buffer.concat([MAGIC, size, headBytes, isZipped ? await gzip(body) : body]);
}

/**
 * The inverse of `encodeEntry`; undefined if the bytes are no whole entry of this version, or its body exceeds
 * `maxBytes`. Others may write to the store, too: what `encodeEntry` would never write is none.
 */
export async function decodeEntry(bytes: Buffer, maxBytes: number): Promise<Entry | undefined> {
  try {
    if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
    if (bytes.readUInt32BE(MAGIC.length) > MAX_HEAD_BYTES) return undefined;
    const headEnd = HEAD_OFFSET + bytes.readUInt32BE(MAGIC.length);
    const head: unknown = JSON.parse(bytes.toString('utf8', HEAD_OFFSET, headEnd));
    if (!isHead(head) || head.length > maxBytes) return undefined;
    const rest = bytes.subarray(headEnd);
    const body = head.isZipped ? await gunzip(rest, { maxOutputLength: Math.max(1, head.length) }) : rest;
    if (body.length !== head.length || isDeeperThan(body, MAX_DEPTH)) return undefined;
    const { storedAt, expiresAt, form, headers } = head;
    return { storedAt, expiresAt, form, headers, body };
  } catch {
    // Cut short, not JSON, or not gzip.
    return undefined;
  }
}

function isHead(value: unknown): value is Head {
  if (typeof value !== 'object' || value === null) return false;
  const { storedAt, expiresAt, form, headers, length, isZipped } = value as Record<keyof Head, unknown>;
  return (
    Number.isFinite(storedAt) &&
    Number.isFinite(expiresAt) &&
    (form === 'complete' || form === 'stream') &&
    Array.isArray(headers) &&
    areKept(headers, form) &&
    Number.isSafeInteger(length) &&
    typeof isZipped === 'boolean'
  );
}

/** Are these headers that are stored, as they are stored, and is the type that of the form? */
function areKept(headers: readonly unknown[], form: 'complete' | 'stream'): headers is HeaderList {
  if (headers.length % 2 !== 0 || headers.length > 2 * KEPT_HEADERS.length) return false;
  const type = form === 'complete' ? /^application\/(?:[\w.-]+\+)?json\b/i : /^text\/event-stream\b/i;
  return headers.every((text, index) => {
    if (index % 2 === 0) return KEPT.has(text);
    // A line break would begin another header.
    if (typeof text !== 'string' || !/^[\t\x20-\x7e\x80-\xff]*$/.test(text)) return false;
    return headers[index - 1] !== 'content-type' || type.test(text);
  });
}

/** Is the body an answer of this wire, in the entry's form? One that this program stored is. */
export function isAnswer({ form, body }: Entry, wire: Wire): boolean {
  if (!wire.isSuccess(body, form)) return false;
  if (form === 'complete') return wire.examine(body, true).kind === 'answer';
  return /^\s*(?:data|event|id|retry)?:/.test(body.toString('latin1', 0, 64));
}
