import { PassThrough, type Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { FetchError } from './fetch-error.ts';

/** How a body is to be read. */
export interface BodyRules {
  /** For error messages. */
  readonly host: string;
  /** The answer's `content-encoding`. */
  readonly encoding: string | undefined;
  /** The longest body, before and after decompression. */
  readonly maxBytes: number;
  /** Called for each piece that arrives. */
  readonly onData: () => void;
}

/**
 * Reads a body to its end and decompresses it. Counts while it reads, so that neither an endless body nor one that
 * decompresses to gigabytes is ever held. If it rejects, it does so with a `FetchError`, and the source is destroyed.
 */
export async function readBody(source: Readable, rules: BodyRules): Promise<Buffer> {
  const { host, maxBytes } = rules;
  const decoder = createDecoder(rules.encoding);
  if (!decoder) throw new FetchError('encoding', host, { detail: 'the answer is compressed in an unknown way' });
  const tooLarge = () => new FetchError('too_large', host, { detail: `the answer is larger than ${maxBytes} bytes` });
  try {
    return await pipeline(arriving(source, rules, tooLarge), decoder, async (pieces: AsyncIterable<Buffer>) => {
      const kept: Buffer[] = [];
      let size = 0;
      for await (const piece of pieces) {
        size += piece.length;
        if (size > maxBytes) throw tooLarge();
        kept.push(piece);
      }
      return Buffer.concat(kept, size);
    });
  } catch (error) {
    // Errors of the source are `FetchError`s already, so this one is the decoder's.
    throw error instanceof FetchError ? error : new FetchError('encoding', host, { cause: error });
  }
}

/** Reads the source itself, so that its errors reach `pipeline` as `FetchError`s. */
async function* arriving(source: Readable, { host, maxBytes, onData }: BodyRules, tooLarge: () => FetchError) {
  let size = 0;
  try {
    for await (const piece of source as AsyncIterable<Buffer>) {
      onData();
      size += piece.length;
      if (size > maxBytes) throw tooLarge();
      yield piece;
    }
  } catch (error) {
    if (error instanceof FetchError) throw error;
    throw new FetchError('connection', host, { detail: 'the answer broke off', cause: error });
  }
}

/** Undefined for an encoding that `accept-encoding` does not offer, and for several at once. */
function createDecoder(encoding = 'identity'): Transform | undefined {
  switch (encoding.trim().toLowerCase()) {
    case '':
    case 'identity':
      return new PassThrough();
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    case 'br':
      return createBrotliDecompress();
    default:
      return undefined;
  }
}
