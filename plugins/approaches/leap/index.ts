/**
 * Learning principles from mistakes (LEAP), for prompts with examples: finds the examples, makes a mistake in each, derives
 * a lesson from each mistake, condenses the lessons into principles, and answers the question with these in mind, live.
 * Calls: 3 + E + m for E examples and m mistakes, in 5 rounds. One call and round less if the examples are turns of the
 * conversation. One call in all if the principles are remembered from an earlier request, or nothing looks like an example.
 *
 * Zhang et al. 2024, "In-Context Principle Learning from Mistakes", arXiv:2402.05403. Departures: by default a
 * mistake is asked for instead of sampled, and the principles are always condensed.
 */
import { definePlugin, z, type Call, type Exchange, type Reply } from '../../../core/index.ts';
import {
  approachOptions,
  limitOf,
  questionBlock,
  reportDegraded,
  reportLostStage,
  shownOrError,
  systemText,
  withDefaultLimit,
  type Work,
} from '../../../core/approach/index.ts';
import { examplesInTurns, mayHaveExamples, type Example } from './examples.ts';
import { extractExamples, learn, type Learning } from './learning.ts';
import { createMemory, keyOf, type Memory } from './memory.ts';
import { withPrinciples } from './prompts.ts';

const NAME = 'leap';
const NONE: readonly string[] = [];

const options = approachOptions({
  leap_max_principles: z.int().min(1).max(20).default(8).describe('How many principles are kept at most.'),
  leap_max_examples: z.int().min(1).max(20).default(5).describe('How many examples are used, the first ones.'),
  leap_mistakes: z
    .enum(['induced', 'sampled'])
    .default('induced')
    .describe('Mistakes that are asked for, or real ones among several solutions.'),
  leap_samples: z
    .int()
    .min(1)
    .max(15)
    .default(3)
    .describe('How many solutions of each example are made, where leap_mistakes is sampled.'),
  leap_cache: z.boolean().default(true).describe('Keep principles for 24 hours, apart for each caller and model.'),
  max_tokens: z.int().min(1).default(4096).describe('Limit of each call, where the request sets none.'),
});
type Options = z.output<typeof options>;

export default definePlugin({
  name: NAME,
  description: "Learns principles from mistakes in the prompt's own examples, and answers by them.",
  options,
  apply({ approaches, keep }) {
    const memory = keep('memory', () => createMemory());
    const shared = new WeakMap<Exchange, Map<string, Promise<readonly string[]>>>();

    approaches.add(NAME, {
      kind: 'answerer',
      async run(call, next, options) {
        const work = { call, next, options };
        const principles = await once(call, () => principlesFor(work, memory));
        return answer(principles, work);
      },
    });

    /** The choices of one request have the same principles: the first run learns, the others wait for it. */
    function once(call: Call, learnPrinciples: () => Promise<readonly string[]>): Promise<readonly string[]> {
      const { exchange } = call;
      const running = shared.get(exchange) ?? new Map<string, Promise<readonly string[]>>();
      shared.set(exchange, running);
      const key = keyOf(call, call.request.value.messages);
      const promise = running.get(key) ?? learnPrinciples();
      running.set(key, promise);
      return promise;
    }
  },
});

function answer(principles: readonly string[], { call, next, options }: Work<Options>): Promise<Reply> {
  const { messages } = call.request.value;
  call.progress.say('Writing the answer.');
  const answering = call.with({
    ...(principles.length > 0 ? { messages: withPrinciples(messages, principles) } : {}),
    ...withDefaultLimit(call, options.max_tokens),
  });
  return shownOrError(next(answering), answering);
}

/**
 * The principles that the prompt's examples teach: remembered, or learned now. Empty if there are no examples or a step
 * failed.
 */
async function principlesFor(work: Work<Options>, memory: Memory): Promise<readonly string[]> {
  const { call, options } = work;
  const { messages } = call.request.value;
  const { leap_max_principles: maxPrinciples, leap_mistakes, leap_samples, leap_cache } = options;
  const samples = leap_mistakes === 'sampled' ? leap_samples : undefined;
  const task = systemText(messages);
  const limit = limitOf(call) ?? options.max_tokens;
  const learning = { ...work, task, samples, maxPrinciples, limit };

  const found = examplesInTurns(messages) ?? (await examplesInText(learning, leap_cache, memory));
  if (!found) {
    reportLostStage(call.exchange, 'examples_failed');
    return NONE;
  }
  if (found.length === 0) reportDegraded(call.exchange, 'leap: no examples', { isLasting: true });
  const wanted = found.slice(0, options.leap_max_examples);
  const keyFor = (examples: readonly Example[]) => keyOf(call, task, examples, maxPrinciples, samples ?? null);
  const known = leap_cache ? memory.principles.get(keyFor(wanted)) : undefined;
  if (known) {
    call.trace.note({ examples: wanted.length, principles: known.length, are_known: true });
    return known;
  }

  const examples = wanted.slice(0, affordable(learning));
  if (examples.length < wanted.length) reportDegraded(call.exchange, 'budget');
  if (examples.length === 0) return NONE;
  const { principles, mistakes, isWhole } = await learn(learning, examples);
  if (principles.length === 0 && !isWhole) reportLostStage(call.exchange, 'principles_failed');
  if (leap_cache && isWhole) memory.principles.set(keyFor(examples), principles);
  call.trace.note({ examples: examples.length, mistakes, principles: principles.length, are_known: false });
  return principles;
}

/**
 * The examples in the conversation's text, as a model finds them: one call, none if nothing looks like an example.
 * Undefined if the call failed, could not be read, or could not be afforded.
 */
async function examplesInText(
  learning: Learning,
  isKept: boolean,
  memory: Memory,
): Promise<readonly Example[] | undefined> {
  const { call } = learning;
  const { messages } = call.request.value;
  if (!mayHaveExamples(messages)) return [];
  const text = questionBlock(messages);
  const key = keyOf(call, text);
  const known = isKept ? memory.examples.get(key) : undefined;
  if (known) return known;
  if (call.callsLeft <= choicesOf(call)) {
    reportDegraded(call.exchange, 'budget');
    return undefined;
  }
  call.progress.say('Looking for examples.');
  const found = await extractExamples(learning, text);
  if (found && isKept) memory.examples.set(key, found);
  return found;
}

/** How many examples the budget has calls for, if one call is kept for each of the request's answers and one to condense. */
function affordable({ call, samples }: Learning): number {
  const mistakeCalls = samples === undefined ? 1 : samples + 1;
  return Math.max(0, Math.floor((call.callsLeft - choicesOf(call) - 1) / (mistakeCalls + 1)));
}

/** How many choices the client wants. Each is a run of its own, and needs an answer call of its own. */
function choicesOf({ exchange }: Call): number {
  return exchange.plan?.request.value.n ?? 1;
}
