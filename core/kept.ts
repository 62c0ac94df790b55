/** What outlives a pipeline: made once per key, handed to the pipelines after it. */
export interface Kept {
  keep<T>(key: string, create: () => T): T;
}

export function createKept(): Kept {
  const values = new Map<string, unknown>();
  return {
    keep<T>(key: string, create: () => T): T {
      if (!values.has(key)) values.set(key, create());
      // One key, one maker: the type is what `create` of the first caller gave.
      return values.get(key) as T;
    },
  };
}
