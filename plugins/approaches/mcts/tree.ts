/** The search tree: which leaf a simulation starts from, and how its value is counted for the nodes above. */
import type { Message } from '../../../core/index.ts';
import { rankBy } from '../../../core/approach/index.ts';

/** A state of the dialogue, after a reply. The root is the client's conversation. */
export interface Node {
  /** The turns after the client's conversation, up to the reply; empty at the root. */
  readonly turns: readonly Message[];
  readonly parent: Node | undefined;
  children: readonly Node[];
  /** The user's next message; undefined until it was imagined. */
  query: string | undefined;
  /** Does the dialogue end here? */
  isTerminal: boolean;
  visits: number;
  /** How many visits brought a value: a rating that cannot be read is a visit without one. */
  ratings: number;
  /** The sum of the values, each in [0, 1]. */
  total: number;
}

/** A node without visits. */
export function createNode(parent: Node | undefined, turns: readonly Message[], isTerminal = false): Node {
  return { turns, parent, children: [], query: undefined, isTerminal, visits: 0, ratings: 0, total: 0 };
}

/** The mean of the node's values; null if it has none. */
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

/** The leaf below `node` that is reached by always taking the child with the highest bound, or the first of equal ones. */
export function select(node: Node, exploration: number): Node {
  // A child that was visited but not rated is taken to be worth the mean of its siblings.
  const bound = (child: Node) => {
    const mean = meanOf(child) ?? meanOf(node) ?? 0;
    return uct({ mean, visits: child.visits, parentVisits: node.visits, exploration });
  };
  const [best] = node.children.toSorted((a, b) => (bound(a) === bound(b) ? 0 : bound(b) - bound(a)));
  return best ? select(best, exploration) : node;
}

/** Counts a visit, and its value unless that is null, for `leaf` and all nodes above it. */
export function backUp(leaf: Node, value: number | null): void {
  for (let node: Node | undefined = leaf; node; node = node.parent) {
    node.visits++;
    if (value === null) continue;
    node.ratings++;
    node.total += value;
  }
}

/** Best first: by mean value, then by visits, then as they came. Nodes without a value come last. */
export function ranked(nodes: readonly Node[]): readonly Node[] {
  return rankBy(nodes, (node) => [meanOf(node) ?? -1, node.visits]);
}

/** Is the best of these certain to stay the best, whatever `left` further values are? */
export function isDecided(nodes: readonly Node[], left: number): boolean {
  const [best, ...rivals] = ranked(nodes);
  if (!best) return true;
  // The worst case: some of the values are 0 and go to the best, all others are 1 and go to one rival.
  return rivals.every((rival) => {
    for (let zeros = 0; zeros <= left; zeros++)
      if (meanAfter(best, zeros, 0) <= meanAfter(rival, left - zeros, 1)) return false;
    return true;
  });
}

function meanAfter({ ratings, total }: Node, count: number, value: number): number {
  return ratings + count === 0 ? -1 : (total + count * value) / (ratings + count);
}
