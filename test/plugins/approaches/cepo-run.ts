/** cepo over a scripted model, for its tests. */
import type { ChatRequest } from '../../../core/index.ts';
import { contentText } from '../../../core/approach/index.ts';
import cepo from '../../../plugins/approaches/cepo/index.ts';
import { runApproach, type RunOptions, type Scripted } from '../../support/scripted-handler.ts';

export const ask = (options: RunOptions) => runApproach('cepo', { plugins: [cepo], ...options });
export type Run = Awaited<ReturnType<typeof ask>>;
export const lastOf = ({ messages }: ChatRequest) => contentText(messages.at(-1)?.content);
export const promptOf = ({ messages }: ChatRequest) => messages.map(({ content }) => contentText(content)).join('\n');
export const of = (run: Run, role: string) =>
  run.calls.filter((call) => call.role === role).map(({ request }) => request);
export const cost = (run: Run) => [run.calls.length, run.rounds];
export const cepoOptions = (options: object) => ({ optigate: { cepo: options } });

/** Every step says what it went on from, and the candidates what they come to. */
export const script = (
  finals: readonly (number | string)[],
  parts: RunOptions['script'] = {},
): RunOptions['script'] => ({
  plan: (_, index) => `plan ${index}`,
  execution: ({ messages }) => `executed ${contentText(messages.at(-2)?.content)}`,
  review: (sent) =>
    `review of ${promptOf(sent)
      .match(/executed plan \d+/g)
      ?.join(', ')}`,
  candidate: finals.map((final, index) => `Candidate ${index + 1}.\nFinal answer: ${final}`),
  ...parts,
});

export const cut = (text: string): Scripted => ({ text, finish: 'length' });

/** Ratings by the number in the candidate's text. */
export const rated =
  (...ratings: readonly (number | string)[]) =>
  (sent: ChatRequest) => {
    const rating = ratings[Number(/Candidate (\d)/.exec(lastOf(sent))?.[1]) - 1] ?? '';
    return typeof rating === 'number' ? `Checked.\nRating: [[${rating}]]` : rating;
  };
