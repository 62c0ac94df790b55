/** A JSON object whose members nobody here knows all of. */
export type Fields = Record<string, unknown>;

/** How one wire says the same thing in both forms. */
export interface Dialect {
  /** The body of a stream; undefined where the completion is not what the wire promises. */
  toEvents(completion: Fields, hasUsage: boolean): Buffer | undefined;
  /** From the body of a whole stream; undefined where it does not make a complete answer with its usage. */
  toCompletion(events: Buffer): object | undefined;
  /** Is usage an extra chunk, sent only to those who ask? */
  readonly hasUsageChunk: boolean;
}

export function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value where it is an object, else an empty one. */
export function record(value: unknown): Fields {
  return isRecord(value) ? value : {};
}
