import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { scanObject } from '../bytes/json.ts';
import { Payload } from '../bytes/payload.ts';
import { gatewayError } from '../errors.ts';

/** How deep a body may be nested: brackets open at the same time, the outermost included. */
export const MAX_DEPTH = 128;

const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i;
const OTHER_CHARSET = /;\s*charset\s*=\s*"?(?!utf-?8\b)[^";\s]/i;

/** Does the content type say JSON? Throws a 415 for JSON in another encoding than UTF-8. */
export function isJson(contentType: string | undefined): boolean {
  if (contentType === undefined || !JSON_TYPE.test(contentType)) return false;
  if (OTHER_CHARSET.test(contentType)) {
    throw gatewayError('unsupported_media_type', { detail: 'JSON must be sent in UTF-8' });
  }
  return true;
}

/**
 * Reads a whole JSON body, decompresses it and checks it as `checkJson` does. Throws a 400, 413, 415, or a 499 if the
 * client leaves.
 * @param limit  In bytes, for the body as it was sent and again for the decompressed one.
 */
export async function readJson<T extends object>(
  request: IncomingMessage,
  limit: number,
  mustBeObject: boolean,
): Promise<Payload<T>> {
  const raw = await readAll(request, limit);
  const encoding = request.headers['content-encoding'];
  const bytes = encoding === undefined || encoding === 'identity' ? raw : await decompress(raw, encoding, limit);
  return checkJson<T>(bytes, mustBeObject);
}

/**
 * Checks a body and makes a payload of it. Throws a 400 if it is empty, not UTF-8, nested too deep, not one JSON value,
 * no object (with `mustBeObject`), or has a top-level key twice.
 */
export function checkJson<T extends object>(bytes: Buffer, mustBeObject: boolean): Payload<T> {
  if (bytes.length === 0) throw gatewayError('invalid_json', { detail: 'it is empty' });
  if (!isUtf8(bytes)) throw gatewayError('invalid_json', { detail: 'it is not valid UTF-8' });
  // Checked before parsing: parsing a body of nothing but brackets would take a multiple of its size in memory.
  const scan = scanObject(bytes);
  if (scan.depth > MAX_DEPTH)
    throw gatewayError('invalid_json', { detail: `it is nested deeper than ${MAX_DEPTH} levels` });
  const value = parsed(bytes);
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject && mustBeObject) throw gatewayError('invalid_json', { detail: 'it must be an object' });
  if (isObject) {
    const keys = new Set<string>();
    for (const { key } of scan.members) {
      if (keys.has(key)) throw gatewayError('invalid_value', { param: key, detail: 'the key is given twice' });
      keys.add(key);
    }
  }
  // `null` has no members, like an empty object. It is sent on as its bytes.
  return Payload.fromBytes<T>(bytes, (value ?? {}) as T, scan);
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch (error) {
    // V8's message quotes the text around the error, which may be confidential. The position alone helps as much.
    const position =
      error instanceof Error ? /position \d+(?: \(line \d+ column \d+\))?/.exec(error.message)?.[0] : undefined;
    throw gatewayError('invalid_json', { detail: position ? `syntax error at ${position}` : 'syntax error' });
  }
}

/** Reads a request's body. Rejects with a 413 above the limit, with a 499 if the client leaves. */
function readAll(request: IncomingMessage, limit: number): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > limit) return Promise.reject(gatewayError('request_too_large', { limit }));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = () => {
      request.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone);
    };
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        settle();
        request.resume();
        reject(gatewayError('request_too_large', { limit }));
        return;
      }
      chunks.push(chunk);
    };
    const onEnd = () => {
      settle();
      const [only] = chunks;
      resolve(chunks.length === 1 && only ? only : Buffer.concat(chunks, size));
    };
    const onGone = () => {
      settle();
      reject(gatewayError('client_closed'));
    };
    request.on('data', onData).once('end', onEnd).once('error', onGone).once('close', onGone);
  });
}

const decoders: Readonly<Record<string, (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>>> = {
  gzip: promisify(zlib.gunzip),
  'x-gzip': promisify(zlib.gunzip),
  br: promisify(zlib.brotliDecompress),
  zstd: promisify(zlib.zstdDecompress),
  deflate: inflate,
};

/** `deflate` means zlib's format (RFC 9110 §8.4.1.2), but some clients send raw deflate. */
async function inflate(bytes: Buffer, options: { maxOutputLength: number }): Promise<Buffer> {
  try {
    return await promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.inflate)(bytes, options);
  } catch (error) {
    if (isTooLarge(error)) throw error;
    return promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.inflateRaw)(bytes, options);
  }
}

async function decompress(bytes: Buffer, encoding: string, limit: number): Promise<Buffer> {
  const name = encoding.trim().toLowerCase();
  const decode = Object.hasOwn(decoders, name) ? decoders[name] : undefined;
  if (!decode) {
    throw gatewayError('unsupported_media_type', {
      detail: `The content-encoding '${name.slice(0, 40)}' is not known: use gzip, br, zstd or deflate`,
    });
  }
  try {
    // The limit holds for the output, too: a few compressed bytes could otherwise fill the memory.
    return await decode(bytes, { maxOutputLength: limit });
  } catch (error) {
    if (isTooLarge(error)) throw gatewayError('request_too_large', { limit });
    throw gatewayError('invalid_json', { detail: `it cannot be decoded as ${name}` });
  }
}

function isTooLarge(error: unknown): boolean {
  return (
    error instanceof RangeError || (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE')
  );
}
