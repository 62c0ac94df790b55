/**
 * Mixture of agents: k drafts, a critique of them, one synthesised answer, which streams live. Calls: L + 2 for L layers
 * (L·k + 2 without `n`, or with `moa_models`), L + 2 rounds; `moa_critique: each` makes k critiques of the one.
 *
 * Wang et al. 2024, "Mixture-of-Agents Enhances Large Language Model Capabilities", arXiv:2406.04692; Sharma 2024,
 * "Patched MOA", arXiv:2407.18521. Departures from the former: by default one model, sampled, instead of several, one
 * layer, and an explicit critique.
 */
import {
  approachOptions,
  candidateText,
  choiceOf,
  definePlugin,
  diverseTemperature,
  firstByRank,
  ifAny,
  judgeCall,
  noneUsable,
  orBestSoFar,
  stripThinking,
  toolCallKey,
  usableOf,
  withDefaultLimit,
  z,
  type Answer,
  type Call,
  type Next,
} from '../../../core/index.ts';
import { aggregation, criticsView, CRITIC, nextLayer } from './prompts.ts';

const NAME = 'moa';
const CAREFUL = 0.1;

const options = approachOptions({
  moa_proposers: z.int().min(2).max(8).default(3).describe('How many drafts are made.'),
  max_tokens: z.int().min(1).default(4096).describe('Limit of drafts and answer, where the request sets none.'),
  moa_critique_max_tokens: z.int().min(256).default(2048).describe('Limit of the critique.'),
  moa_models: z
    .array(z.string().min(1))
    .max(8)
    .default([])
    .describe("One draft by each of these models, instead of several by the request's."),
  moa_critique: z.enum(['joint', 'each']).default('joint').describe('One critique of all drafts, or one of each.'),
  moa_layers: z.int().min(1).max(3).default(1).describe('Further layers draft again, with the drafts so far in view.'),
});
type Options = z.output<typeof options>;

export default definePlugin({
  name: NAME,
  description: 'Makes several drafts, criticises them, and writes one answer from the best of each.',
  options,
  apply({ approaches }) {
    approaches.add(NAME, { kind: 'answerer', models: ({ moa_models }) => moa_models, run: mixture });
  },
});

async function mixture(call: Call, next: Next, options: Options) {
  const { messages, temperature } = call.request.value;
  const { trace } = call;
  const { progress } = call.exchange;
  const limit = withDefaultLimit(call, options.max_tokens);

  let answers: readonly Answer[] = [];
  let drafts: readonly Answer[] = [];
  for (let layer = 0; layer < options.moa_layers; layer++) {
    progress.say(
      layer === 0 ? 'Writing drafts.' : `Writing drafts again, layer ${layer + 1} of ${options.moa_layers}.`,
    );
    const prompt = layer === 0 ? messages : nextLayer(messages, drafts);
    const drafting = call.with(
      { messages: prompt, temperature: diverseTemperature(call, 1), ...limit },
      { role: 'draft' },
    );
    const proposed =
      layer === 0 ? await propose(drafting, next, options) : await ifAny(propose(drafting, next, options), call);
    answers = proposed ?? answers;
    drafts = proposed && usableOf(proposed).length > 0 ? usableOf(proposed) : drafts;
  }
  const [best] = drafts;
  if (!best) return noneUsable(answers, call);
  const unlike = distinct(drafts);
  if (drafts.length > 1 && unlike.length === 1) return best.reply;

  if (unlike.length > 1) progress.say(`${unlike.length} drafts are there, weighing them.`);
  const critique = unlike.length > 1 ? await criticise(unlike, call, next, options) : '';
  const isRanked = options.moa_critique === 'joint';
  const favourite = unlike[(isRanked ? choiceOf(critique, unlike.length) : null) ?? 0] ?? best;
  trace.note({ drafts: drafts.length, distinct: unlike.length, has_critique: critique !== '' });

  progress.say('Writing the answer.');
  const synthesis = call.with(
    { messages: aggregation(messages, unlike, critique), temperature: temperature ?? CAREFUL, ...limit },
    { role: 'synthesis' },
  );
  return orBestSoFar(next(synthesis), synthesis, () => favourite.reply);
}

/** One layer's drafts: samples of the request's model, or one by each of `moa_models`. */
async function propose(drafting: Call, next: Next, { moa_models, moa_proposers }: Options): Promise<readonly Answer[]> {
  if (moa_models.length === 0) return next.sample(drafting, moa_proposers);
  const settled = await Promise.allSettled(moa_models.map((model) => next.ask(next.to(drafting, model))));
  const answers = settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  if (answers.length > 0) return answers;
  throw firstByRank(settled.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : [])));
}

/** The critique, as far as it came; empty where there is none, which the answer survives. */
async function criticise(drafts: readonly Answer[], call: Call, next: Next, options: Options): Promise<string> {
  const { messages } = call.request.value;
  const critics = options.moa_critique === 'joint' ? [drafts] : drafts.map((draft) => [draft]);
  const ask = (shown: readonly Answer[]) => {
    const user = criticsView(messages, shown);
    const limit = options.moa_critique_max_tokens;
    return ifAny(
      next.ask(judgeCall(call, { system: CRITIC, user, temperature: CAREFUL, limit, role: 'critique' })),
      call,
    );
  };
  const texts = (await Promise.all(critics.map(ask))).map((answer) => stripThinking(answer?.text ?? '').trim());
  if (options.moa_critique === 'joint') return texts[0] ?? '';
  return texts.flatMap((text, index) => (text === '' ? [] : [`Candidate ${index + 1}: ${text}`])).join('\n\n');
}

/** Drafts that differ, by their text or their tool calls: the first of each kind. */
function distinct(drafts: readonly Answer[]): readonly Answer[] {
  const kinds = new Map<string, Answer>();
  for (const draft of drafts) {
    const kind = toolCallKey(draft) ?? candidateText(draft);
    if (!kinds.has(kind)) kinds.set(kind, draft);
  }
  return [...kinds.values()];
}
