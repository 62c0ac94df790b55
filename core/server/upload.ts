import type { IncomingMessage } from 'node:http';
import { gatewayError } from '../errors.ts';
import type { Upload } from '../exchange/exchange.ts';

/**
 * A body that is streamed through as it comes. Throws a 413 above the limit (in bytes), at once if the client announces
 * it.
 */
export class RequestUpload implements Upload {
  readonly contentType: string | undefined;
  readonly contentLength: number | undefined;
  readonly body: AsyncIterable<Buffer>;
  isStarted = false;

  constructor(request: IncomingMessage, limit: number) {
    const length = request.headers['content-length'];
    this.contentType = request.headers['content-type'];
    this.contentLength = length === undefined ? undefined : Number(length);
    if (this.contentLength !== undefined && this.contentLength > limit)
      throw gatewayError('request_too_large', { limit });
    this.body = this.#read(request, limit);
  }

  async *#read(request: IncomingMessage, limit: number): AsyncGenerator<Buffer> {
    this.isStarted = true;
    let size = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) throw gatewayError('request_too_large', { limit });
      yield chunk;
    }
  }
}
