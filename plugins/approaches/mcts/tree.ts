/** The search tree: which leaf a simulation goes to, and what its value says about the nodes above. */
import type { Message } from '../../../core/index.ts';
import { rankBy } from '../../../core/approach/index.ts';

/** A state of the dialogue. */
export interface Node {
  /** What was said after the client's conversation, up to a reply; nothing at the root. */
  readonly turns: readonly Message[];
  readonly parent: Node | undefined;
  children: readonly Node[];
  /** The user's next message, once it was imagined. */
  query: string | undefined;
  /** The dialogue does not go on from here. */
  isTerminal: boolean;
  visits: number;
  /** How many visits brought a value: a rating that cannot be read is a visit without one. */
  ratings: number;
  /** The sum of the values, each in [0, 1]. */
  total: number;
}

export function createNode(parent: Node | undefined, turns: readonly Message[], isTerminal = false): Node {
  return { turns, parent, children: [], query: undefined, isTerminal, visits: 0, ratings: 0, total: 0 };
}

/** The mean value; null while there is none. */
export function meanOf({ ratings, total }: Node): number | null {
  return ratings === 0 ? null : total / ratings;
}

interface Bound {
  /** Mean value of its visits, in [0, 1]. */
  readonly mean: number;
  readonly visits: number;
  readonly parentVisits: number;
  /** c in the paper; 0 is greedy. */
  readonly exploration: number;
}

/**
 * Upper confidence bound of a child in the search tree (UCT, Kocsis & Szepesvári 2006); an unvisited one is worth
 * Infinity.
 */
export function uct({ mean, visits, parentVisits, exploration }: Bound): number {
  if (visits === 0) return Infinity;
  return mean + exploration * Math.sqrt(Math.log(parentVisits + 1) / visits);
}

/** Down from `node` to a leaf, by way of the child with the highest bound, the first one on ties. */
export function select(node: Node, exploration: number): Node {
  // A child of unknown value is taken to be like its siblings.
  const bound = (child: Node) => {
    const mean = meanOf(child) ?? meanOf(node) ?? 0;
    return uct({ mean, visits: child.visits, parentVisits: node.visits, exploration });
  };
  const [best] = node.children.toSorted((a, b) => (bound(a) === bound(b) ? 0 : bound(b) - bound(a)));
  return best ? select(best, exploration) : node;
}

/** A visit of `leaf`, and its value where there is one, for it and all above it. */
export function backUp(leaf: Node, value: number | null): void {
  for (let node: Node | undefined = leaf; node; node = node.parent) {
    node.visits++;
    if (value === null) continue;
    node.ratings++;
    node.total += value;
  }
}

/** Best first: by mean value (none is last), then by visits, then as they came. */
export function ranked(nodes: readonly Node[]): readonly Node[] {
  return rankBy(nodes, (node) => [meanOf(node) ?? -1, node.visits]);
}

/** Is the first of these sure to stay the first, whatever up to `left` further values are? */
export function isDecided(nodes: readonly Node[], left: number): boolean {
  const [best, ...rivals] = ranked(nodes);
  if (!best) return true;
  // The worst that can happen: some of the values go to the best and are 0, the others to one rival and are 1.
  return rivals.every((rival) => {
    for (let zeros = 0; zeros <= left; zeros++)
      if (meanAfter(best, zeros, 0) <= meanAfter(rival, left - zeros, 1)) return false;
    return true;
  });
}

function meanAfter({ ratings, total }: Node, count: number, value: number): number {
  return ratings + count === 0 ? -1 : (total + count * value) / (ratings + count);
}
