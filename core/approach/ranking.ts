/** What decides a candidate's place, the most important first; higher is better. */
export type Merits = readonly number[];

/** The items, best first. Equal ones stay in their order. */
export function rankBy<T>(items: readonly T[], meritsOf: (item: T) => Merits): readonly T[] {
  const ranked = items.map((item) => ({ item, merits: meritsOf(item) }));
  return ranked.toSorted((a, b) => compareMerits(a.merits, b.merits)).map(({ item }) => item);
}

/** Below 0 if `a` is better, above 0 if `b` is: the first number that differs decides. */
export function compareMerits(a: Merits, b: Merits): number {
  const place = a.findIndex((value, index) => value !== b[index]);
  return place < 0 ? 0 : (b[place] ?? 0) - (a[place] ?? 0);
}
