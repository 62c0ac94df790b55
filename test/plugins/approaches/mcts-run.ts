/** mcts over a scripted model, for its tests. */
import type { ChatRequest } from '../../../core/index.ts';
import { contentText } from '../../../core/approach/index.ts';
import mcts from '../../../plugins/approaches/mcts/index.ts';
import { runApproach, type RunOptions } from '../../support/scripted-handler.ts';

export const ask = (options: RunOptions) => runApproach('mcts', { plugins: [mcts], ...options });

const VALUES: Readonly<Record<string, number>> = { A: 0.1, B: 0.2, C: 0.9 };
export const lastText = ({ messages }: ChatRequest) => contentText(messages.at(-1)?.content);
/** Did the assistant of this conversation say anything yet? */
export const isAtRoot = ({ messages }: ChatRequest) => messages.every(({ role }) => role !== 'assistant');
/** The first reply of the dialogue that a judge sees. */
export const ratedReply = (request: ChatRequest) =>
  /<dialogue>\n<turn role="assistant">\n(.*)\n/.exec(lastText(request))?.[1] ?? '';

/** Replies A, B, C at the root; "go on" is what the user then wants, "well" what the assistant says to it. */
export function dialogue(values: Readonly<Record<string, number | string>> = VALUES): RunOptions['script'] {
  let sampled = 0;
  return {
    candidate: (request) => (isAtRoot(request) ? 'ABCDEFGH'[sampled++ % 8]! : 'well'),
    user_turn: () => 'and then?',
    judge: (request) => `Score: ${values[ratedReply(request)]}`,
  };
}

export const options = (mcts_simulations: number, mcts_depth: number, more = {}) => ({
  request: { mcts_simulations, mcts_depth, ...more },
});
