import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type Node,
  type Pair,
  type YAMLMap,
} from 'yaml';
import { disguiseReferences, expand, restoreReferences, type Environment, type Expansion } from './environment.ts';
import type { Path, Position, Problem } from './problems.ts';

/** Stands for a value whose variable is not set, until `prune` removes it. */
const UNSET = Symbol('unset');

const SHORTEST_SECRET = 8;

/** A YAML file: its value with environment variables filled in, and the position of each part. */
export class ConfigFile {
  /** The name that messages show. */
  readonly name: string;
  /** Plain objects and arrays; undefined if the text could not be read. */
  readonly value: unknown;
  /** Errors of the syntax, and duplicate keys. */
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
  readonly #document: Document;
  readonly #lines: LineCounter;
  readonly #expansions = new Map<Node, Expansion>();
  /** What the variables hold that the file refers to. */
  readonly #values = new Set<string>();

  constructor(name: string, text: string, environment: Environment) {
    this.name = name;
    this.#lines = new LineCounter();
    this.#document = parseDocument(disguiseReferences(text), { lineCounter: this.#lines, prettyErrors: false });
    const problems: Problem[] = this.#document.errors.map(({ code, message, pos }) => ({
      path: [],
      at: this.#lines.linePos(pos[0]),
      message:
        code === 'DUPLICATE_KEY'
          ? `the key '${/^[^\s:]*/.exec(text.slice(pos[0]))?.[0]}' is there twice`
          : `not valid YAML: ${restoreReferences(message)}`,
    }));
    this.#fill(environment);
    this.warnings = this.#unsetWarnings();
    const isReadable = this.#document.errors.every(({ code }) => code === 'DUPLICATE_KEY');
    this.value = isReadable ? this.#read(problems) : undefined;
    this.problems = problems;
  }

  /** The position of the value at a path, or with `ofKey` of its key. The nearest parent's if it is not in the file. */
  positionOf(path: Path, { ofKey = false }: { ofKey?: boolean } = {}): Position {
    let node: unknown = this.#document.contents;
    let position = offsetOf(node);
    for (const [depth, step] of path.entries()) {
      const found = this.#child(node, step);
      if (!found) break;
      node = found.value;
      const isLast = depth === path.length - 1;
      position = (isLast && ofKey ? found.keyOffset : undefined) ?? offsetOf(node) ?? found.keyOffset ?? position;
    }
    return this.#lines.linePos(position ?? 0);
  }

  /** The variables that the text at a path refers to, whether set or not. */
  variablesAt(path: Path): readonly string[] {
    let node: unknown = this.#document.contents;
    for (const step of path) node = this.#child(node, step)?.value;
    const resolved = this.#resolve(node);
    return (resolved && this.#expansions.get(resolved)?.names) ?? [];
  }

  /** A message without the texts that come from the environment; short ones, which are no secrets, may stand in any. */
  withoutValues(message: string): string {
    const secrets = [...this.#values].filter((value) => value.length >= SHORTEST_SECRET);
    return secrets.reduce((left, value) => left.replaceAll(value, '…'), message);
  }

  #fill(environment: Environment): void {
    visit(this.#document, {
      Scalar: (_, node) => {
        if (typeof node.value !== 'string') return;
        node.value = restoreReferences(node.value);
        const expansion = expand(String(node.value), environment);
        if (!expansion) return;
        this.#expansions.set(node, expansion);
        for (const name of expansion.names) this.#values.add(environment[name] ?? '');
        node.value = expansion.text ?? UNSET;
      },
    });
  }

  #read(problems: Problem[]): unknown {
    try {
      return prune(this.#document.toJS({ maxAliasCount: 100 }));
    } catch (error) {
      problems.push({ path: [], message: `not valid YAML: ${error instanceof Error ? error.message : String(error)}` });
      return undefined;
    }
  }

  #unsetWarnings(): string[] {
    const places = new Map<string, string[]>();
    for (const [node, { unset }] of this.#expansions) {
      const { line } = this.#lines.linePos(offsetOf(node) ?? 0);
      for (const name of unset) places.set(name, [...(places.get(name) ?? []), `${this.name}:${line}`]);
    }
    return [...places].map(([name, where]) => {
      const keys = where.length > 1 ? 'keys that use it count' : 'key that uses it counts';
      return `The environment variable ${name} is not set: the ${keys} as not written (${[...new Set(where)].join(', ')})`;
    });
  }

  #child(node: unknown, step: string | number): { value: unknown; keyOffset: number | undefined } | undefined {
    const parent = this.#resolve(node);
    if (isMap(parent)) {
      const pair = pairOf(parent, String(step));
      return pair && { value: pair.value, keyOffset: offsetOf(pair.key) };
    }
    if (isSeq(parent) && typeof step === 'number') {
      // Items whose variable is not set were removed from the value, so indexes count the others only.
      const item = parent.items.filter((candidate) => !isUnset(this.#resolve(candidate)))[step];
      return item === undefined ? undefined : { value: item, keyOffset: undefined };
    }
    return undefined;
  }

  #resolve(node: unknown): Node | undefined {
    if (isAlias(node)) return node.resolve(this.#document);
    return isMap(node) || isSeq(node) || isScalar(node) ? node : undefined;
  }
}

function pairOf(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === key);
}

function offsetOf(node: unknown): number | undefined {
  return isMap(node) || isSeq(node) || isScalar(node) || isAlias(node) ? node.range?.[0] : undefined;
}

function isUnset(node: Node | undefined): boolean {
  return isScalar(node) && node.value === UNSET;
}

/** Removes the keys and items whose variable is not set. */
function prune(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => item !== UNSET).map(prune);
  if (typeof value !== 'object' || value === null) return value === UNSET ? undefined : value;
  const kept = Object.entries(value).filter(([, member]) => member !== UNSET);
  return Object.fromEntries(kept.map(([key, member]) => [key, prune(member)]));
}
