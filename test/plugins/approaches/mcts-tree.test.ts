import { expect, test } from 'vitest';
import {
  backUp,
  createNode,
  isDecided,
  meanOf,
  ranked,
  select,
  uct,
  type Node,
} from '../../../plugins/approaches/mcts/tree.ts';

/** A root with children that had these values; null = a visit without one. */
function treeOf(...values: readonly (readonly (number | null)[])[]): Node {
  const root = createNode(undefined, []);
  root.children = values.map(() => createNode(root, []));
  for (const [index, some] of values.entries()) for (const value of some) backUp(root.children[index]!, value);
  return root;
}

const selected = (root: Node, exploration: number) => root.children.indexOf(select(root, exploration));

test.each([
  [0.9, 1.135],
  [0.2, 0.435],
  [0.1, 0.335],
])('the bound of a child worth %d, visited once of three times, is %d', (mean, bound) => {
  expect(uct({ mean, visits: 1, parentVisits: 3, exploration: 0.2 })).toBeCloseTo(bound, 3);
});

test('an unvisited child is worth more than any other, and exploration 0 leaves the mean', () => {
  expect(uct({ mean: 0, visits: 0, parentVisits: 3, exploration: 0.2 })).toBe(Infinity);
  expect(uct({ mean: 0.4, visits: 2, parentVisits: 9, exploration: 0 })).toBe(0.4);
});

test('selection takes the highest bound, the first one on ties, and goes down to a leaf', () => {
  expect(selected(treeOf([0.9], [0.2], [0.1]), 0.2)).toBe(0);
  expect(selected(treeOf([0.9], [], []), 0.2)).toBe(1);
  expect(selected(treeOf([0.5], [0.5]), 0.2)).toBe(0);
  expect(selected(treeOf([0.6, 0.6, 0.6], [0.5]), 10)).toBe(1);
  const root = treeOf([0.1], [0.9]);
  const grandchild = createNode(root.children[1], []);
  root.children[1]!.children = [grandchild];
  expect(select(root, 0.2)).toBe(grandchild);
});

test('a child of unknown value is taken to be like its siblings', () => {
  expect(selected(treeOf([0.9], [null], [0.1]), 0)).toBe(0);
  expect(selected(treeOf([0.1], [null], [0.1]), 1)).toBe(0);
  expect(selected(treeOf([null], [0.2, 0.2]), 0.2)).toBe(0);
});

test('a value counts for the leaf and all above it; an unreadable one is a visit alone', () => {
  const root = treeOf([0.4]);
  const [child] = root.children;
  const leaf = createNode(child, []);
  backUp(leaf, 0.8);
  backUp(leaf, null);
  expect([leaf, child!, root].map((node) => [node.visits, meanOf(node)?.toFixed(2)])).toEqual([
    [2, '0.80'],
    [3, '0.60'],
    [3, '0.60'],
  ]);
  expect(meanOf(createNode(root, []))).toBeNull();
});

test('the ranking goes by mean, then visits, then order; what has no value is last', () => {
  const order = (root: Node) => ranked(root.children).map((child) => root.children.indexOf(child));
  expect(order(treeOf([0.1], [0.9], [0.5]))).toEqual([1, 2, 0]);
  expect(order(treeOf([0.5], [0.5, 0.5], [0.5]))).toEqual([1, 0, 2]);
  expect(order(treeOf([], [null], [0]))).toEqual([2, 1, 0]);
});

test.each([
  [[[0.1], [0.2], [0.9]], 1, true],
  [[[0.1], [0.2], [0.9]], 2, false],
  [[[0.1], [0.8], [0.9]], 1, false],
  [[[0.5], [0.5]], 1, false],
  [[[0.9], []], 1, false],
  [[[null], [null]], 1, false],
  [[[0.3]], 5, true],
])('%j with %i values to come is decided: %s', (values, left, is) => {
  expect(isDecided(treeOf(...values).children, left)).toBe(is);
});
