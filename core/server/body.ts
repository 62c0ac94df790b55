import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { gatewayError } from '../errors.ts';
import { scanObject } from '../bytes/json.ts';
import { Payload } from '../bytes/payload.ts';

/** Brackets open at once, the body's own included. */
export const MAX_DEPTH = 128;

const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i;
const OTHER_CHARSET = /;\s*charset\s*=\s*"?(?!utf-?8\b)[^";\s]/i;

/** Is this a JSON body, in UTF-8? Throws 415 for JSON in another encoding. */
export function isJson(contentType: string | undefined): boolean {
  if (contentType === undefined || !JSON_TYPE.test(contentType)) return false;
  if (OTHER_CHARSET.test(contentType)) {
    throw gatewayError('unsupported_media_type', { detail: 'JSON must be sent in UTF-8' });
  }
  return true;
}

/** Reads a JSON body whole, decompressed, and checks what every JSON body must be. Throws 400, 413, 415, 499. */
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

/** A body as a payload, after the checks: UTF-8, depth, one JSON value, an object, no top-level key twice. */
export function checkJson<T extends object>(bytes: Buffer, mustBeObject: boolean): Payload<T> {
  if (bytes.length === 0) throw gatewayError('invalid_json', { detail: 'it is empty' });
  if (!isUtf8(bytes)) throw gatewayError('invalid_json', { detail: 'it is not valid UTF-8' });
  // Before parsing: a body of brackets alone would otherwise cost a multiple of its size in memory.
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
  return Payload.fromBytes<T>(bytes, value as T, scan);
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch (error) {
    // V8 quotes the text around the error; the position alone is as helpful and repeats nothing.
    const position =
      error instanceof Error ? /position \d+(?: \(line \d+ column \d+\))?/.exec(error.message)?.[0] : undefined;
    throw gatewayError('invalid_json', { detail: position ? `syntax error at ${position}` : 'syntax error' });
  }
}

/** Collects a request's body. */
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

/** `deflate` means zlib's format, but some clients send raw deflate. */
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
    // The limit holds for what comes out, or a small bomb would fill the memory.
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
