/** Keeps values that outlive a pipeline, such as connections: after a reload the next pipeline gets the same ones. */
export interface Kept {
  /** The value under `key`, created by the first caller. */
  keep<T>(key: string, create: () => T): T;
}

export function createKept(): Kept {
  const values = new Map<string, unknown>();
  return {
    keep<T>(key: string, create: () => T): T {
      if (!values.has(key)) values.set(key, create());
      // All callers of one key use the same `create`, so the value has its type.
      return values.get(key) as T;
    },
  };
}
