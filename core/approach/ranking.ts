/** Ranking by several numbers, of which the first that differs decides. */

/** The numbers that decide an item's place, the most important first. Higher is better. */
export type Merits = readonly number[];

/** The items, best first. Items with equal merits stay in their order. */
export function rankBy<T>(items: readonly T[], meritsOf: (item: T) => Merits): readonly T[] {
  const ranked = items.map((item) => ({ item, merits: meritsOf(item) }));
  return ranked.toSorted((a, b) => compareMerits(a.merits, b.merits)).map(({ item }) => item);
}

/** Below 0 if `a` is better, above 0 if `b` is: the first number that differs decides. */
export function compareMerits(a: Merits, b: Merits): number {
  const place = a.findIndex((value, index) => value !== b[index]);
  return place < 0 ? 0 : (b[place] ?? 0) - (a[place] ?? 0);
}
