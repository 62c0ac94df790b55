/** bon over a scripted model, for its tests. */
import { Capabilities } from '../../../core/run/capabilities.ts';
import bon from '../../../plugins/approaches/bon/index.ts';
import { runApproach, type RunOptions } from '../../support/scripted-handler.ts';

export const ask = (options: RunOptions) => runApproach('bon', { plugins: [bon], ...options });
/** What is known of a model that takes no `n`. */
export async function withoutN(): Promise<Capabilities> {
  const capabilities = new Capabilities();
  await ask({ script: { candidate: ['A', 'B', 'C'], judge: scores(1, 1, 1) }, n: 'ignores', capabilities });
  return capabilities;
}

export const scores = (...values: readonly (number | string)[]) =>
  values.map((value) => `It is fine.\nScore: ${value}`);
