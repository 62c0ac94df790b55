/** rstar over a scripted model, for its tests. */
import type { ChatRequest } from '../../../core/index.ts';
import { contentText } from '../../../core/approach/index.ts';
import rstar from '../../../plugins/approaches/rstar/index.ts';
import { runApproach, type RunOptions, type Scripted } from '../../support/scripted-handler.ts';

export const ask = (options: RunOptions) => runApproach('rstar', { plugins: [rstar], ...options });
type Run = Awaited<ReturnType<typeof ask>>;

export const says = (answer: number | string) => `So it is. The final answer is ${answer}`;
export const systemOf = ({ messages }: ChatRequest) => contentText(messages[0]?.content);
/** How many steps a path has so far, as the prompt of its next one shows them. */
export const stepsIn = (request: ChatRequest) => systemOf(request).split('<step ').length - 1;
export const traced = { optigate: { trace: true } };
export const tracedOf = (run: Run) => (run.completion['optigate'] as { readonly rstar: unknown }).rstar;

/** Paths of four steps that end in `finals`; the readers come to `readings`. */
export function paths(finals: readonly Scripted[], readings: readonly Scripted[]): RunOptions['script'] {
  let ended = 0;
  return {
    candidate: (request, index) => (stepsIn(request) === 3 ? finals[ended++]! : `Some thought, number ${index}.`),
    discriminator: readings,
  };
}

export const FIVE = [42, 42, 17, 17, 9].map(says);
