import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import type { Dispatcher } from 'undici';
import type { DispatchPool } from './pools.ts';
import type { ReceivedHeaders } from './response-head.ts';

/** The longest answer that is read. No list of models is larger. */
const MAX_BYTES = 16 * 1024 * 1024;

export interface OwnGet {
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/**
 * Sends a GET of the program's own, and reads the answer whole and decompressed. Rejects if it is too large. Written
 * for simplicity rather than speed, since answers of models do not come this way.
 */
export async function readWhole(pool: DispatchPool, request: OwnGet): Promise<{ status: number; body: Buffer }> {
  const { path, headers, signal, timeoutMs } = request;
  signal.throwIfAborted();
  const reading = new Reading();
  const onAbort = () => reading.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    pool.dispatch(
      {
        method: 'GET',
        path,
        headers: ['accept-encoding', 'identity', ...headers],
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      },
      reading,
    );
    return await reading.answer;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Collects one answer. undici calls it on one side; on the other it resolves to the answer. */
class Reading implements Dispatcher.DispatchHandler {
  readonly #answer = Promise.withResolvers<{ status: number; body: Buffer }>();
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #status = 0;
  #encoding = 'identity';
  #controller: Dispatcher.DispatchController | undefined;
  #aborted: { readonly reason: unknown } | undefined;

  get answer(): Promise<{ status: number; body: Buffer }> {
    return this.#answer.promise;
  }

  abort(reason: unknown): void {
    this.#aborted ??= { reason };
    this.#answer.reject(reason);
    this.#controller?.abort(reason as Error);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // It may have waited for a free connection until then.
    if (this.#aborted) controller.abort(this.#aborted.reason as Error);
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: ReceivedHeaders): void {
    this.#status = status;
    this.#encoding = String(headers['content-encoding'] ?? 'identity');
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size > MAX_BYTES) this.abort(new Error(`the answer is larger than ${MAX_BYTES} bytes`));
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    try {
      this.#answer.resolve({ status: this.#status, body: decoded(Buffer.concat(this.#chunks), this.#encoding) });
    } catch (error) {
      this.#answer.reject(error);
    }
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#answer.reject(error);
  }
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
