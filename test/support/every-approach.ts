/** All approaches, each with a request that it applies to and what it must cost: the spec's table of calls and rounds. */
import bon from '../../plugins/approaches/bon/index.ts';
import cepo from '../../plugins/approaches/cepo/index.ts';
import cotReflection from '../../plugins/approaches/cot_reflection/index.ts';
import leap from '../../plugins/approaches/leap/index.ts';
import mars from '../../plugins/approaches/mars/index.ts';
import mcts from '../../plugins/approaches/mcts/index.ts';
import moa from '../../plugins/approaches/moa/index.ts';
import none from '../../plugins/approaches/none.ts';
import plansearch from '../../plugins/approaches/plansearch/index.ts';
import pvg from '../../plugins/approaches/pvg/index.ts';
import re2 from '../../plugins/approaches/re2.ts';
import rstar from '../../plugins/approaches/rstar/index.ts';
import rto from '../../plugins/approaches/rto/index.ts';
import selfConsistency from '../../plugins/approaches/self_consistency/index.ts';
import solverAided from '../../plugins/approaches/z3/index.ts';
import type { Plugin } from '../../core/plugin/define.ts';
import type { Message } from '../../core/wire/chat/chat-types.ts';

export interface ApproachCase {
  readonly slug: string;
  readonly plugin: Plugin;
  readonly messages: readonly Message[];
  /** Calls at defaults where the model honours `n`, and where it does not. */
  readonly calls: number;
  readonly callsWithoutN: number;
  /** Calls for `n: 3`. */
  readonly callsForThree: number;
  /** Rounds, in either case: the critical path. */
  readonly rounds: number;
  /** Does the answer stream live, as its last call makes it? */
  readonly isLive: boolean;
}

const question = [{ role: 'user', content: 'What is six times seven?' }];
const task = [{ role: 'user', content: 'Write a JavaScript function that returns six times seven.' }];
/** Not one for a solver, whose time would count as none upstream. */
const noProblem = [{ role: 'user', content: 'What is the answer to everything?' }];
const fewShot = [
  {
    role: 'user',
    content:
      'Q: What is 2 times 3?\nA: 6\n\nQ: What is 3 times 4?\nA: 12\n\nQ: What is 4 times 5?\nA: 20\n\nQ: What is 6 times 7?\nA:',
  },
];

/** Not three times the calls: the upstream itself makes the choices, or leap learns for all of them at once. */
const CALLS_FOR_THREE: Readonly<Record<string, number>> = { none: 1, re2: 1, cot_reflection: 1, leap: 11 };

const of = (
  plugin: Plugin,
  slug: string,
  [calls, callsWithoutN, rounds]: readonly [number, number, number],
  isLive: boolean,
  messages: readonly Message[] = question,
): ApproachCase => ({
  slug,
  plugin,
  messages,
  calls,
  callsWithoutN,
  callsForThree: CALLS_FOR_THREE[slug] ?? 3 * calls,
  rounds,
  isLive,
});

export const EVERY_APPROACH: readonly ApproachCase[] = [
  of(none, 'none', [1, 1, 1], true),
  of(re2, 're2', [1, 1, 1], true),
  of(cotReflection, 'cot_reflection', [1, 1, 1], true),
  of(selfConsistency, 'self_consistency', [1, 5, 1], false),
  of(bon, 'bon', [4, 6, 2], false),
  of(moa, 'moa', [3, 5, 3], true),
  of(mcts, 'mcts', [7, 8, 4], false),
  of(rstar, 'rstar', [25, 25, 5], false),
  of(plansearch, 'plansearch', [4, 4, 4], true, task),
  of(pvg, 'pvg', [17, 25, 5], false),
  of(solverAided, 'z3', [2, 2, 2], true, noProblem),
  of(mars, 'mars', [34, 34, 5], false),
  of(cepo, 'cepo', [27, 27, 5], false),
  of(leap, 'leap', [9, 9, 5], true, fewShot),
  of(rto, 'rto', [4, 4, 4], true, task),
];
