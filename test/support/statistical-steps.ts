/** Statistical upstreams for approaches whose calls are steps of their own, where a solution and a judge say too little. */
import type { ChatRequest } from '../../core/index.ts';
import { contentText } from '../../core/approach/index.ts';
import { drawn, finalsShown, RIGHT, stated, statisticalUpstream, WRONG, type Script } from './statistical-upstream.ts';

type Upstream = typeof statisticalUpstream;

/** For `pvg`: sneaky solutions come to the wrong answers that others come to as well, and so give them away. */
export const withSharedLies: Upstream = (random, odds) => ({
  ...statisticalUpstream(random, odds),
  sneaky: () => stated(random.pick(WRONG)),
});

/** For `mars`: what is written where nothing was verified comes to nothing. */
export const verified: Upstream = (random, odds) => ({
  ...statisticalUpstream(random, odds),
  synthesis: () => 'Nothing was verified.',
});

/**
 * For `rto`: programs that are equal where they are right. A description is faithful: of the task, if that is asked for, else
 * of what the program comes to, so that the program is written again as it was. A merge that sees the description is right
 * with probability `m` where one of the programs is.
 */
export const rewriting =
  (m: number): Upstream =>
  (random, { p }) => {
    const program = () => stated(drawn(random, p));
    return {
      draft: program,
      description: (request) =>
        /Describe the task/.test(textOf(request)) ? 'What is asked.' : stated(finalsShown(request).at(-1)),
      rewrite: (request) => (finalsShown(request).length > 0 ? stated(finalsShown(request).at(-1)) : program()),
      synthesis: (request) => {
        const isSeen = textOf(request).includes('<description>') && finalsShown(request).includes(RIGHT);
        return stated(isSeen && random.chance(m) ? RIGHT : random.pick(WRONG));
      },
    };
  };

/** For `leap`: with probability `s` a mistake that is asked for is one; with principles an answer is right with `better`. */
export const learning =
  (s: number, better: number): Upstream =>
  (random, { p }) => {
    const said = (text: string) => `<output>${text}</output>`;
    const examples = [1, 2, 3].map((i) => ({ question: `${i} + ${i}`, answer: `${2 * i}` }));
    const solved = (request: ChatRequest) =>
      examples.find(({ question }) => textOf(request).includes(question))?.answer ?? '';
    return {
      examples: () => said(JSON.stringify(examples)),
      mistake: (request) => said(random.chance(s) ? '99' : solved(request)),
      principles: () => said('Heed.'),
      condense: () => said('1. Heed.'),
      answer: (request) => stated(drawn(random, textOf(request).includes('Heed.') ? better : p)),
    };
  };

/** For `plansearch`: a branch comes to what the observations that it derives say; a judge is sure. */
export const branching: Upstream = (random, { p }): Script => {
  const follow = (request: ChatRequest) => stated(finalsShown(request).at(-1));
  const observations = Array.from({ length: 10 }, (_, index) => `${index + 1}. Remark ${index}.`).join('\n');
  return {
    observations: () => observations,
    derived_observations: () => `1. ${stated(drawn(random, p))}`,
    sketch: follow,
    other_sketch: follow,
    pseudocode: follow,
    candidate: follow,
    judge: (request) => `Choice: ${Math.max(finalsShown(request).indexOf(RIGHT), 0) + 1}`,
  };
};

/** For `z3`: a program is right with probability `q`, not even a program with `e`, else it finds something wrong. */
export const solving =
  (q: number, e: number): Upstream =>
  (random, { p }) => {
    const program = () => {
      const drawing = random.next();
      const declaration = drawing < q || drawing >= q + e ? '(declare-const x Int)' : '';
      const value = drawing < q ? RIGHT : random.pick(WRONG);
      return `\`\`\`smt2\n${declaration}(assert (= x ${value}))(check-sat)(get-value (x))\n\`\`\``;
    };
    return {
      analysis: () => `SOLVER_CAN_BE_APPLIED: True\nSOLVER_FORMULATION:\n${program()}`,
      repair: program,
      synthesis: (request) => stated(Number(/\(\(x (\d+)\)\)/.exec(textOf(request))?.[1])),
      answer: () => stated(drawn(random, p)),
    };
  };

function textOf({ messages }: ChatRequest): string {
  return messages.map(({ content }) => contentText(content)).join('\n');
}
