import { createHash } from 'node:crypto';
import type { Usage } from '../../../core/index.ts';
import { tokenise } from './tokens.ts';

const DIMENSIONS = 256;
const MAX_DIMENSIONS = 4096;

/** What an embeddings request asks for. */
export interface EmbeddingAsk {
  /** One text per embedding. Token ids are treated as words. */
  readonly inputs: readonly string[];
  readonly dimensions: number;
  readonly isBase64: boolean;
}

/**
 * Reads an embeddings request; undefined if `input` is none of the four allowed forms, or `dimensions` is out of range.
 */
export function readEmbeddingAsk(body: Readonly<Record<string, unknown>>): EmbeddingAsk | undefined {
  const inputs = inputsOf(body['input']);
  const { dimensions = DIMENSIONS } = body;
  if (!inputs || typeof dimensions !== 'number' || !Number.isInteger(dimensions)) return undefined;
  if (dimensions < 1 || dimensions > MAX_DIMENSIONS) return undefined;
  return { inputs, dimensions, isBase64: body['encoding_format'] === 'base64' };
}

/** The answer to an embeddings request, as OpenAI's API writes it. */
export function toEmbeddings(
  { inputs, dimensions, isBase64 }: EmbeddingAsk,
  model: string,
): { readonly usage: Usage; readonly [key: string]: unknown } {
  const tokens = inputs.reduce((sum, input) => sum + Math.max(1, tokenise(input).length), 0);
  return {
    object: 'list',
    data: inputs.map((input, index) => {
      const vector = embed(input, dimensions);
      return { object: 'embedding', index, embedding: isBase64 ? toBase64(vector) : vector };
    }),
    model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}

/**
 * A vector of length 1 by feature hashing (Weinberger et al. 2009, arXiv:0902.2206) of the text's words: texts that
 * share words are close to each other.
 */
export function embed(text: string, dimensions: number): number[] {
  const vector = new Float32Array(dimensions);
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ['']) {
    const digest = createHash('sha256').update(word).digest();
    const at = digest.readUInt32LE() % dimensions;
    vector[at] = (vector[at] ?? 0) + ((digest[4] ?? 0) % 2 === 0 ? 1 : -1);
  }
  const length = Math.hypot(...vector);
  if (length === 0) vector[0] = 1;
  return Array.from(vector, (value) => Math.fround(value / (length || 1)));
}

function toBase64(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes.toString('base64');
}

/**
 * The texts of `input`: a text, texts, token ids, or lists of token ids. Undefined if it is something else, or empty.
 */
function inputsOf(input: unknown): string[] | undefined {
  if (typeof input === 'string') return input === '' ? undefined : [input];
  if (!Array.isArray(input) || input.length === 0 || input.length > 2048) return undefined;
  if (input.every((item) => typeof item === 'string')) return input;
  if (isTokens(input)) return [input.join(' ')];
  return input.every(isTokens) ? input.map((tokens) => tokens.join(' ')) : undefined;
}

function isTokens(value: unknown): value is number[] {
  return Array.isArray(value) && value.length > 0 && value.every((item) => Number.isInteger(item));
}
