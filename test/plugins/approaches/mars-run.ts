/** mars over a scripted model, for its tests. */
import mars from '../../../plugins/approaches/mars/index.ts';
import { runApproach, type Run, type RunOptions } from '../../support/scripted-handler.ts';

export type Script = RunOptions['script'];
export const ask = (script: Script, options: Partial<RunOptions> = {}) =>
  runApproach('mars', { plugins: [mars], ...options, script });

export const correct = () => 'All is well.\nConfidence: 8\nVERDICT: CORRECT';
export const incorrect = () => 'ISSUES:\n- the second step is wrong\nCONFIDENCE: 9\nVERDICT: INCORRECT';
export const answering = (kind: string, answer: number | string) => (_: unknown, index: number) =>
  `${kind} ${index + 1} works it out. The final answer is ${answer}.`;

export const SCRIPT: Script = {
  candidate: answering('agent', 42),
  aggregation: answering('aggregate', 42),
  strategy: () => 'PROBLEM_TYPE: algebra\nAPPROACH_TYPE: direct\nKEY_INSIGHTS: six, seven',
  classification: () => 'algebra',
  enhancement: answering('enhanced', 42),
  verification: correct,
  improvement: answering('improved', 42),
  synthesis: () => 'In sum, the final answer is 42.',
};

export const counts = ({ calls, rounds }: Run) => [calls.length, rounds];
export const callsOf = (run: Run, role: string) => run.calls.filter((call) => call.role === role);
export const promptsOf = (run: Run, role: string) =>
  callsOf(run, role).map(({ request }) => JSON.stringify(request.messages));
export const optionsOf = (options: object, rest: object = {}) => ({ request: { mars_config: options, ...rest } });
export const ALONE = { num_agents: 1, enable_aggregation: false, enable_strategy_network: false };
export const PLAIN = { enable_aggregation: false, enable_strategy_network: false };

/** Verifies what `isRight` says of the solution shown. */
export const verifying = (isRight: (prompt: string) => boolean) => (request: { readonly messages: unknown }) =>
  isRight(JSON.stringify(request.messages)) ? correct() : incorrect();
