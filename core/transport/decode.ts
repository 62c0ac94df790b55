import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';

/** Decodes an answer that came compressed although `identity` was asked for. */
export type Decoder = Transform;

/** Gets what a decoder produces. */
export interface DecoderOwner {
  take(chunk: Buffer): void;
  finish(): void;
  undecodable(error: Error): void;
  /** The decoder can take more, after a `write` that returned false. */
  drained(): void;
}

/** Opens a decoder for a `content-encoding`; undefined if it is unknown. */
export function openDecoder(encoding: string, owner: DecoderOwner): Decoder | undefined {
  const decoder = create(encoding.trim());
  return decoder
    ?.on('data', (chunk: Buffer) => owner.take(chunk))
    .on('end', () => owner.finish())
    .on('error', (error: Error) => owner.undecodable(error))
    .on('drain', () => owner.drained());
}

function create(encoding: string): Decoder | undefined {
  switch (encoding) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    case 'br':
      return createBrotliDecompress();
    case 'zstd':
      return createZstdDecompress();
    default:
      return undefined;
  }
}
