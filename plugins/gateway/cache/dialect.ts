/** A JSON object whose members nobody here knows all of. */
export type Fields = Record<string, unknown>;

/** How one wire says the same thing in both forms. */
export interface Dialect {
  /** The body of a stream. */
  toEvents(completion: Fields, hasUsage: boolean): string;
  /** From the `data` of a whole stream's events; undefined where they do not make a complete answer with its usage. */
  toCompletion(events: readonly Fields[]): Fields | undefined;
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

/** The objects in a list; none where it is no list. */
export function records(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}
