/**
 * Mixture of agents: k drafts, a critique of them, and one answer written from both, which streams live. Calls: L + 2 for L
 * layers, in L + 2 rounds; L·k + 2 with `moa_models`, or if the model does not take `n`. With `moa_critique: each` the
 * critique takes k calls instead of one. Equal drafts are the answer at once.
 *
 * Wang et al. 2024, "Mixture-of-Agents Enhances Large Language Model Capabilities", arXiv:2406.04692; Sharma 2024,
 * "Patched MOA", arXiv:2407.18521. Departures from the former: by default samples of one model instead of
 * several models, one layer, and an explicit critique.
 */
import { definePlugin, z, type Call, type Message } from '../../../core/index.ts';
import {
  anyOf,
  approachOptions,
  askJudges,
  candidateText,
  choiceOf,
  diverseTemperature,
  noneUsable,
  shownOrBest,
  stripThinking,
  survive,
  toolCallKey,
  usableOf,
  withDefaultLimit,
  type Answer,
  type Next,
  type Work,
} from '../../../core/approach/index.ts';
import { aggregation, CRITIC, CRITIC_OF_ONE, criticsView, nextLayer } from './prompts.ts';

const NAME = 'moa';
/** The temperature of the critique, and of the answer if the request sets none. */
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
  const work = { call, next, options };
  const { messages, temperature } = call.request.value;
  const { trace, progress } = call;
  const limit = withDefaultLimit(call, options.max_tokens);

  const { drafts, answers } = await writeDrafts(work);
  const [best] = drafts;
  if (!best) return noneUsable(answers, call);
  const different = distinct(drafts);
  trace.note({ drafts: drafts.length, distinct: different.length });
  if (areAlike(drafts)) {
    trace.note({ winner: 0, why: 'all drafts are equal' });
    return best.reply;
  }

  if (different.length > 1) progress.say(`${different.length} drafts are there, weighing them.`);
  const critique = different.length > 1 ? await criticise(different, work) : '';
  const ranked = options.moa_critique === 'joint' ? choiceOf(critique, different.length) : null;
  trace.note({ has_critique: critique !== '', why: `the answer is written from ${different.length} drafts` });

  progress.say(`Writing the answer from ${different.length} drafts.`);
  const synthesis = call.with(
    { messages: aggregation(messages, different, critique), temperature: temperature ?? CAREFUL, ...limit },
    { role: 'synthesis' },
  );
  return shownOrBest(next(synthesis), synthesis, () => {
    const why = ranked === null ? 'it is the first draft' : 'the critique ranks this draft best';
    trace.note({ winner: ranked ?? 0, why: `the answer could not be written, and ${why}` });
    return (different[ranked ?? 0] ?? best).reply;
  });
}

interface Drafts {
  /** The usable drafts of the last layer that brought any. */
  readonly drafts: readonly Answer[];
  /** All answers of the first layer, usable or not. */
  readonly answers: readonly Answer[];
}

/**
 * Writes drafts layer by layer, each with the drafts of the layer before in view. Equal drafts end it: a further layer
 * would see nothing new.
 */
async function writeDrafts(work: Work<Options>): Promise<Drafts> {
  const { call, options } = work;
  const { messages } = call.request.value;
  const { progress } = call;
  const { moa_layers: layers } = options;
  const sampling = { temperature: diverseTemperature(call, 1), ...withDefaultLimit(call, options.max_tokens) };
  const propose = (prompt: readonly Message[]) => {
    const drafting = call.with({ messages: prompt, ...sampling }, { role: 'draft' });
    return proposals(drafting, work);
  };

  progress.say('Writing drafts.');
  const answers = await propose(messages);
  let drafts = usableOf(answers);
  for (let layer = 2; layer <= layers && drafts.length > 0 && !areAlike(drafts); layer++) {
    progress.say(`Writing drafts again, layer ${layer} of ${layers}.`);
    const proposed = usableOf((await survive(propose(nextLayer(messages, drafts)), call)) ?? []);
    if (proposed.length > 0) drafts = proposed;
  }
  return { drafts, answers };
}

/** One layer's drafts: samples of the request's model, or one by each of `moa_models`. */
function proposals(drafting: Call, { next, options }: Work<Options>): Promise<readonly Answer[]> {
  const { moa_models, moa_proposers } = options;
  if (moa_models.length === 0) return next.sample(drafting, moa_proposers);
  return anyOf(
    moa_models.map((model) => next.ask(next.to(drafting, model))),
    drafting,
  );
}

/** The critique; empty if it failed, and the answer is then written without. One call, or one for each draft. */
async function criticise(drafts: readonly Answer[], work: Work<Options>): Promise<string> {
  const { call, options } = work;
  const { messages } = call.request.value;
  const isJoint = options.moa_critique === 'joint';
  const critics = isJoint ? [drafts] : drafts.map((draft) => [draft]);
  const limit = options.moa_critique_max_tokens;
  const prompts = critics.map((shown) => {
    const user = criticsView(messages, shown);
    return { system: isJoint ? CRITIC : CRITIC_OF_ONE, user, temperature: CAREFUL, limit, role: 'critique' };
  });
  const { verdicts } = await askJudges(work, prompts, { lost: 'critique_failed' });
  const texts = verdicts.map((critique) => stripThinking(critique ?? '').trim());
  if (isJoint) return texts[0] ?? '';
  return texts.flatMap((text, index) => (text === '' ? [] : [`Candidate ${index + 1}: ${text}`])).join('\n\n');
}

/** Are there several drafts, and are all the same? */
function areAlike(drafts: readonly Answer[]): boolean {
  return drafts.length > 1 && distinct(drafts).length === 1;
}

/** The drafts without repetitions: the first of each text, or of each set of tool calls. */
function distinct(drafts: readonly Answer[]): readonly Answer[] {
  const kinds = new Map<string, Answer>();
  for (const draft of drafts) {
    const kind = toolCallKey(draft) ?? candidateText(draft);
    if (!kinds.has(kind)) kinds.set(kind, draft);
  }
  return [...kinds.values()];
}
