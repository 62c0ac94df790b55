import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import type { Pool } from 'undici';

/** The longest answer that is read. No list of models is larger. */
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Sends a GET of the program's own, and reads the answer whole and decompressed. Rejects if it is too large. Written
 * for simplicity rather than speed, since answers of models do not come this way.
 */
export async function readWhole(
  pool: Pool,
  request: {
    readonly path: string;
    readonly headers: string[];
    readonly signal: AbortSignal;
    readonly timeoutMs: number;
  },
): Promise<{ status: number; body: Buffer }> {
  const { path, headers, signal, timeoutMs } = request;
  const {
    statusCode,
    headers: received,
    body,
  } = await pool.request({
    method: 'GET',
    path,
    headers: ['accept-encoding', 'identity', ...headers],
    signal,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  });
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new Error(`the answer is larger than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return {
    status: statusCode,
    body: decoded(Buffer.concat(chunks), String(received['content-encoding'] ?? 'identity')),
  };
}

function decoded(body: Buffer, encoding: string): Buffer {
  const limit = { maxOutputLength: MAX_BYTES };
  switch (encoding.trim().toLowerCase()) {
    case 'gzip':
    case 'x-gzip':
      return gunzipSync(body, limit);
    case 'deflate':
      return inflateSync(body, limit);
    case 'br':
      return brotliDecompressSync(body, limit);
    case 'zstd':
      return zstdDecompressSync(body, limit);
    default:
      return body;
  }
}
