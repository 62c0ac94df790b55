/** Rollouts. Each grows one path, step by step, from a node of the tree to an answer or the greatest depth. */
import {
  diverseTemperature,
  isUsable,
  Random,
  reportDegraded,
  sameAnswer,
  seedAt,
  survive,
  withDefaultLimit,
  type Answer,
  type Work,
} from '../../../core/approach/index.ts';
import { ACTION_NAMES, stepPrompt, type Action } from './prompts.ts';
import { isConclusion, resultOf } from './results.ts';
import { addChild, backUp, createNode, remove, select, stepsTo, textsOf, untriedActions, type Node } from './tree.ts';

/** One line of reasoning, from the question on. */
export interface Path {
  readonly leaf: Node;
  readonly steps: readonly Answer[];
  readonly last: Answer;
  /** False if a failed call cut it short. */
  readonly isWhole: boolean;
}

/** What an exploration needs. */
export interface ExplorationInit extends Work {
  readonly random: Random;
  readonly rollouts: number;
  /** How many rollouts run at once. Those of a later batch start by the values of earlier ones. */
  readonly batch: number;
  /** The most steps of a path. */
  readonly depth: number;
  /** c of UCT; 0 is greedy. */
  readonly exploration: number;
  /** Limit of a step, if the request sets none. */
  readonly maxTokens: number;
  /** Does the question ask for a program? Then a path ends with a whole one. */
  readonly isCode: boolean;
}

/** The temperature of steps and readings. It is low, because different actions make the paths differ. */
export const STEADY = 0.2;

interface Rollout {
  readonly index: number;
  readonly random: Random;
}

/** A search, and what it found. */
export class Exploration {
  /** In the order in which their rollouts began. */
  readonly paths: Path[] = [];
  /** Answers that were no step; if there is no path, they decide what the client gets. */
  readonly unusable: Answer[] = [];
  /** Errors of calls; if there is no path, the one that ranks first is thrown. */
  readonly failures: unknown[] = [];
  readonly #init: ExplorationInit;
  readonly #root = createNode();
  readonly #seed: number;

  constructor(init: ExplorationInit) {
    this.#init = init;
    this.#seed = init.random.next();
  }

  /** Runs all rollouts, batch by batch, or as many as the limits allow. */
  async run(): Promise<void> {
    const { call, rollouts } = this.#init;
    const batch = Math.min(this.#init.batch, rollouts);
    for (let begun = 0; begun < rollouts; begun += batch) {
      if (begun > 0) {
        if (call.signal.aborted) return;
        if (!call.canSpend()) return reportDegraded(call.exchange, 'budget');
        call.progress.say(`${begun} of ${rollouts} rollouts are done.`);
      }
      // All nodes to start from are chosen before any call is made, so that they do not depend on which reply comes first.
      const started = Array.from({ length: Math.min(batch, rollouts - begun) }, (_, i) => this.#begin(begun + i));
      const growing = started.filter((start) => start !== undefined);
      const ended = await Promise.all(growing.map(({ node, rollout }) => this.#grow(node, rollout)));
      const found = ended.filter((path) => path !== undefined);
      this.paths.push(...found);
      for (const path of found) this.#reward(path);
    }
  }

  /** Adds the node that a rollout starts with, whose step is still to be made. Undefined if the tree is explored. */
  #begin(index: number): { readonly node: Node; readonly rollout: Rollout } | undefined {
    const rollout = { index, random: new Random(this.#seed, 'rollout', index) };
    const isBegun = this.#root.children.some(({ step }) => step === undefined);
    // Rollouts of one batch cannot start from each other's nodes: if the root has no untried action left, they start at the
    // root all the same, with an action that another one has.
    const parent = select(this.#root, this.#init.exploration) ?? (isBegun ? this.#root : undefined);
    if (!parent) return undefined;
    const untried = untriedActions(parent);
    const action = pickFrom(untried.length > 0 ? untried : ACTION_NAMES, rollout.random);
    return { node: addChild(parent, action), rollout };
  }

  /** Makes steps from `start` on, until one states the answer. Returns the path; undefined if its first step failed. */
  async #grow(start: Node, rollout: Rollout): Promise<Path | undefined> {
    for (let node = start; ; node = addChild(node, pickFrom(ACTION_NAMES, rollout.random))) {
      const step = await this.#step(node, rollout);
      const isMade = step !== undefined && isUsable(step);
      if (isMade) node.step = step;
      else remove(node);
      const leaf = isMade ? node : node === start ? undefined : node.parent;
      const isOver =
        !isMade ||
        isConclusion(step, { action: node.action, isCode: this.#init.isCode }) ||
        stepsTo(node).length >= this.#init.depth;
      if (isOver) return leaf && pathTo(leaf, step !== undefined);
    }
  }

  /** Makes one step, once more with another action if it comes empty. Undefined if the call fails. */
  async #step(node: Node, rollout: Rollout): Promise<Answer | undefined> {
    const first = await this.#ask(node, rollout);
    if (!first || isUsable(first)) return first;
    node.action = pickFrom(
      ACTION_NAMES.filter((action) => action !== node.action),
      rollout.random,
    );
    const second = await this.#ask(node, rollout);
    this.unusable.push(first, ...(second && !isUsable(second) ? [second] : []));
    return second;
  }

  #ask({ action, parent }: Node, { index }: Rollout): Promise<Answer | undefined> {
    const { call, next, depth, maxTokens, isCode } = this.#init;
    const { messages, seed } = call.request.value;
    const steps = parent ? textsOf(stepsTo(parent)) : [];
    const asked = call.with(
      {
        messages: stepPrompt(messages, {
          steps,
          action: action ?? 'next_step',
          isLast: steps.length + 1 >= depth,
          isCode,
        }),
        temperature: diverseTemperature(call, STEADY),
        ...withDefaultLimit(call, maxTokens),
        // Rollouts with the same steps are samples of their own.
        ...(typeof seed === 'number' ? { seed: seedAt(seed, index) } : {}),
      },
      { role: 'candidate' },
    );
    const answered = next.ask(asked).catch((error: unknown) => {
      this.failures.push(error);
      throw error;
    });
    return survive(answered, call);
  }

  /** The reward of a path is the share of all paths that come to its result. */
  #reward({ leaf, last, isWhole }: Path): void {
    if (!isWhole) return;
    const result = resultOf(last);
    const same = this.paths.filter((path) => {
      const other = resultOf(path.last);
      return result && other && sameAnswer(result.answer, other.answer);
    });
    backUp(leaf, same.length / this.paths.length);
  }
}

function pathTo(leaf: Node, isWhole: boolean): Path | undefined {
  const steps = stepsTo(leaf);
  const last = steps.at(-1);
  leaf.isTerminal ||= isWhole;
  return last && { leaf, steps, last, isWhole };
}

function pickFrom(actions: readonly Action[], random: Random): Action {
  return random.pick(actions) ?? 'next_step';
}
