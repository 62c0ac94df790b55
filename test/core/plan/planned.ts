/** Plans of requests, for tests of planning. */
import { expect } from 'vitest';
import { definePlugin } from '../../../core/index.ts';
import bon from '../../../plugins/approaches/bon/index.ts';
import cot from '../../../plugins/approaches/cot_reflection/index.ts';
import moa from '../../../plugins/approaches/moa/index.ts';
import none from '../../../plugins/approaches/none.ts';
import re2 from '../../../plugins/approaches/re2.ts';
import { prepare, type RunOptions } from '../../support/scripted-handler.ts';

/** Listed for their names only. */
const [mars, leap] = ['mars', 'leap'].map((name) =>
  definePlugin({
    name,
    description: 'A stand-in.',
    apply: ({ approaches }) => approaches.add(name, { kind: 'answerer', run: (call, next) => next(call) }),
  }),
);
export const PLUGINS = [none, re2, bon, moa, cot, mars!, leap!];

export type Options = Omit<RunOptions, 'script'>;

export async function select(options: Options = {}, approach?: string) {
  const { plan: decide, exchange } = await prepare(approach, { plugins: PLUGINS, ...options });
  const plan = await decide(exchange);
  return {
    plan,
    exchange,
    approach: plan.approach,
    model: plan.request.value.model,
    messages: plan.request.value.messages,
  };
}

export const refusal = (status: number, param: string) => expect.objectContaining({ status, param });
