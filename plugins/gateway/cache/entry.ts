import { promisify } from 'node:util';
import { gunzip as gunzipCallback, gzip as gzipCallback } from 'node:zlib';
import { headerOf, type HeaderList } from '../../../core/index.ts';

const gzip = promisify(gzipCallback);
const gunzip = promisify(gunzipCallback);

/** How an answer can be sent: `stream` without the usage that a client did not ask for. */
export type Form = 'complete' | 'stream' | 'stream_with_usage';

/** One stored answer, as it came, and the forms that were made of it since. Immutable. */
export interface Entry {
  /** Milliseconds since the epoch. */
  readonly storedAt: number;
  readonly expiresAt: number;
  /** How it came: `body` is a JSON object, or the events of a whole stream. */
  readonly form: 'complete' | 'stream';
  /** Those worth saying again; see `headersToKeep`. */
  readonly headers: HeaderList;
  readonly body: Buffer;
  readonly made?: { readonly [F in Form]?: Buffer };
}

/** What still holds of an answer when it is told again: not whose limits were left, how long it took, what its id was. */
const KEPT_HEADERS = ['content-type', 'openai-model', 'openai-version', 'anthropic-version'] as const;

export function headersToKeep(headers: HeaderList): HeaderList {
  return KEPT_HEADERS.flatMap((name) => {
    const value = headerOf(headers, name);
    return value === undefined ? [] : [name, value];
  });
}

/** What an entry weighs in memory, in bytes. */
export function sizeOf(entry: Entry): number {
  let size = OVERHEAD + entry.body.length;
  for (const text of entry.headers) size += text.length;
  for (const body of Object.values(entry.made ?? {})) size += body.length;
  return size;
}

/** Key, objects and list links of one entry, roughly. */
const OVERHEAD = 512;

/** `OG`, version 1. Another first word is another program's, or another version's: a miss. */
const MAGIC = Buffer.from([0x4f, 0x47, 0x01]);
const HEAD_OFFSET = MAGIC.length + 4;

interface Head {
  readonly storedAt: number;
  readonly expiresAt: number;
  readonly form: 'complete' | 'stream';
  readonly headers: HeaderList;
  /** Of the body before compression. */
  readonly length: number;
  readonly isZipped: boolean;
}

/** Bytes for a store: magic, length of the head, head (JSON), body. Bodies above `zipAbove` are compressed, off the loop. */
export async function encodeEntry(entry: Entry, zipAbove: number): Promise<Buffer> {
  const { storedAt, expiresAt, form, headers, body } = entry;
  const isZipped = body.length > zipAbove;
  const head: Head = { storedAt, expiresAt, form, headers, length: body.length, isZipped };
  const headBytes = Buffer.from(JSON.stringify(head));
  const size = Buffer.allocUnsafe(4);
  size.writeUInt32BE(headBytes.length);
  return Buffer.concat([MAGIC, size, headBytes, isZipped ? await gzip(body) : body]);
}

/** The entry in these bytes; undefined where they are anything but a whole entry of this version, at most `maxBytes` long. */
export async function decodeEntry(bytes: Buffer, maxBytes: number): Promise<Entry | undefined> {
  try {
    if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
    const headEnd = HEAD_OFFSET + bytes.readUInt32BE(MAGIC.length);
    const head: unknown = JSON.parse(bytes.toString('utf8', HEAD_OFFSET, headEnd));
    if (!isHead(head) || head.length > maxBytes) return undefined;
    const rest = bytes.subarray(headEnd);
    const body = head.isZipped ? await gunzip(rest, { maxOutputLength: Math.max(1, head.length) }) : rest;
    if (body.length !== head.length) return undefined;
    const { storedAt, expiresAt, form, headers } = head;
    return { storedAt, expiresAt, form, headers, body };
  } catch {
    // Cut short, not JSON, not gzip: whatever it is, it is no answer.
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
    headers.length % 2 === 0 &&
    headers.every((text) => typeof text === 'string') &&
    Number.isSafeInteger(length) &&
    typeof isZipped === 'boolean'
  );
}
