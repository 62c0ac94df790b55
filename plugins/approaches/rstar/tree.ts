/** The search tree. Each node is a step, made by one action after the steps above it. */
import { candidateText, type Answer } from '../../../core/approach/index.ts';
import { ACTION_NAMES, type Action } from './prompts.ts';

/** A step. The root is the question. */
export interface Node {
  /** Undefined at the root only. */
  action: Action | undefined;
  readonly parent: Node | undefined;
  readonly children: Node[];
  /** Undefined at the root, and while the step is being made. */
  step: Answer | undefined;
  /** Does a path end here? */
  isTerminal: boolean;
  visits: number;
  /** The sum of the rewards, each in [0, 1]. */
  value: number;
}

/** A node without visits; without arguments, the root. */
export function createNode(action?: Action, parent?: Node): Node {
  return { action, parent, children: [], step: undefined, isTerminal: false, visits: 0, value: 0 };
}

/** Adds a node whose step is still to be made. */
export function addChild(parent: Node, action: Action): Node {
  const child = createNode(action, parent);
  parent.children.push(child);
  return child;
}

/** Takes a node out of its parent's children. */
export function remove(node: Node): void {
  const siblings = node.parent?.children ?? [];
  const index = siblings.indexOf(node);
  if (index >= 0) siblings.splice(index, 1);
}

/** The actions that no child of this node has yet. */
export function untriedActions({ children }: Node): readonly Action[] {
  return ACTION_NAMES.filter((action) => children.every((child) => child.action !== action));
}

interface Bound {
  /** Sum of the rewards of its visits. */
  readonly value: number;
  readonly visits: number;
  readonly parentVisits: number;
  /** c in the paper; 0 is greedy. */
  readonly exploration: number;
}

/**
 * Upper confidence bound of a child in the search tree (UCT, Kocsis & Szepesvári 2006); an unvisited one is worth
 * Infinity.
 */
export function uct({ value, visits, parentVisits, exploration }: Bound): number {
  if (visits === 0) return Infinity;
  return value / visits + exploration * Math.sqrt(Math.log(parentVisits) / visits);
}

/**
 * The node that the next rollout starts from: the first with an untried action, going down by the highest bound. Undefined
 * if there is none below `node`.
 */
export function select(node: Node, exploration: number): Node | undefined {
  if (untriedActions(node).length > 0) return node;
  const bound = ({ value, visits }: Node) => uct({ value, visits, parentVisits: node.visits, exploration });
  const open = node.children.filter(({ step, isTerminal }) => step !== undefined && !isTerminal);
  for (const child of open.toSorted((a, b) => bound(b) - bound(a))) {
    const found = select(child, exploration);
    if (found) return found;
  }
  return undefined;
}

/** Counts a visit and its reward for `leaf` and all nodes above it. */
export function backUp(leaf: Node, reward: number): void {
  for (let node: Node | undefined = leaf; node; node = node.parent) {
    node.visits++;
    node.value += reward;
  }
}

/** The steps from the root down to this node. */
export function stepsTo(leaf: Node): readonly Answer[] {
  const steps: Answer[] = [];
  for (let node: Node | undefined = leaf; node; node = node.parent) if (node.step) steps.unshift(node.step);
  return steps;
}

/** The steps as prompts and readers show them. */
export function textsOf(steps: readonly Answer[]): readonly string[] {
  return steps.map(candidateText);
}
