/** Reads what a source file imports, and finds circles. An import is an arrow from the importing file to the other. */

const IMPORT = /^(?:import|export)\b[^'";]*?from\s*'([^']+)'|^import\s*'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/gm;

/** The specifiers of all imports and re-exports of a file, types and `import()` included. */
export function importsOf(text: string): string[] {
  return [...text.matchAll(IMPORT)].map(([, from, bare, dynamic]) => from ?? bare ?? dynamic ?? '');
}

/** The first circle among arrows, as its nodes in order, the first one again at the end; undefined if there is none. */
export function circleIn(arrows: readonly (readonly [from: string, to: string])[]): readonly string[] | undefined {
  const next = new Map<string, string[]>();
  for (const [from, to] of arrows) next.set(from, [...(next.get(from) ?? []), to]);
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (node: string): readonly string[] | undefined => {
    const begin = path.indexOf(node);
    if (begin >= 0) return [...path.slice(begin), node];
    if (done.has(node)) return undefined;
    path.push(node);
    for (const to of next.get(node) ?? []) {
      const circle = visit(to);
      if (circle) return circle;
    }
    path.pop();
    done.add(node);
    return undefined;
  };
  for (const node of next.keys()) {
    const circle = visit(node);
    if (circle) return circle;
  }
  return undefined;
}
