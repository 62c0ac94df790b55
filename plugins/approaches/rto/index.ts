/**
 * Round trip optimisation, for code: writes a program, describes the task with the program as its illustration, writes the
 * program again from the description alone, and if the two differ merges them into the final one, which streams live. Calls
 * and rounds: 4, or 3 if the programs are the same. With k round trips (`rto_samples`) 1 + 2k + 1 calls, in 4 rounds. Without code: 1.
 *
 * Allamanis et al. 2024, "Unsupervised Evaluation of Code LLMs with Round-Trip Correctness", arXiv:2402.08699; Sharma
 * 2024, "Patched RTC", arXiv:2407.16557. Departures: both papers measure by the round trip; here a difference between the
 * programs, compared as texts, is the reason to rewrite. They describe the program; a mistake in it would then be in the
 * second program, too.
 */
import { definePlugin, z, type Call, type Reply } from '../../../core/index.ts';
import {
  approachOptions,
  askJudge,
  endsWhole,
  isReasoning,
  isTruncated,
  isUsable,
  limitOf,
  noneUsable,
  programOf,
  questionText,
  reportDegraded,
  reportLostStage,
  shownOrBest,
  stripThinking,
  systemText,
  toAnswers,
  toolCallKey,
  withDefaultLimit,
  type Answer,
  type Next,
  type Work,
} from '../../../core/approach/index.ts';
import { isAboutCode, isSameProgram } from './programs.ts';
import { DESCRIBE, describersView, merging, REWRITE, type Rewritten } from './prompts.ts';

const NAME = 'rto';
const CAREFUL = 0.1;
/** The temperature of descriptions if there are several: they should differ. */
const VARIED = 0.7;

const options = approachOptions({
  max_tokens: z.int().min(1).default(4096).describe('Limit of each program, where the request sets none.'),
  rto_description_max_tokens: z.int().min(256).default(2048).describe('Limit of the description.'),
  rto_similarity: z
    .enum(['exact', 'normalized'])
    .default('normalized')
    .describe('When two programs are the same; normalized ignores comment lines, blank lines and ends of lines.'),
  rto_samples: z.int().min(1).max(8).default(1).describe('How many round trips the first program makes, at once.'),
});
type Options = z.output<typeof options>;

export default definePlugin({
  name: NAME,
  description: 'Writes a program, writes it again from its description, and merges the two where they differ.',
  options,
  apply({ approaches }) {
    approaches.add(NAME, { kind: 'answerer', run: optimise });
  },
});

async function optimise(call: Call, next: Next, options: Options): Promise<Reply> {
  const { messages, response_format } = call.request.value;
  const { trace, progress } = call;
  if ((response_format?.['type'] ?? 'text') !== 'text') {
    reportDegraded(call.exchange, 'rto: response_format', { isLasting: true });
    return next(call);
  }
  const sampling = {
    temperature: call.request.value.temperature ?? CAREFUL,
    ...withDefaultLimit(call, options.max_tokens),
  };

  progress.say('Writing a first program.');
  const first = await next.ask(call.with(sampling, { role: 'draft' }));
  if (!isUsable(first)) return noneUsable([first], call);
  if (isTruncated(first) || toolCallKey(first) !== undefined) return first.reply;
  if (!isAboutCode(questionText(messages), first.text)) {
    reportDegraded(call.exchange, 'rto: no code', { isLasting: true });
    return first.reply;
  }
  const program = programOf(first.text);

  progress.say('Describing the task, and writing the program again from the description.');
  const trips = Array.from({ length: options.rto_samples }, () => roundTrip(first, { call, next, options }));
  const rewritten = (await Promise.all(trips)).filter((one) => one !== undefined);
  const different = distinct(rewritten, options).filter(
    (one) => !isSameProgram(one.program, program, options.rto_similarity),
  );
  trace.note({ round_trips: trips.length, came_back: rewritten.length, different: different.length });
  const keepFirst = (why: string) => {
    trace.note({ winner: 'first', why });
    return first.reply;
  };
  if (rewritten.length === 0) {
    reportLostStage(call.exchange, 'round_trip_failed');
    return keepFirst('no round trip came to its end');
  }
  if (different.length === 0) return keepFirst('the programs are the same');

  progress.say('The programs differ, writing the final one.');
  trace.note({ winner: 'merged', why: 'the programs differ' });
  const merge = call.with(
    { messages: merging(messages, program, different), ...sampling },
    { role: 'synthesis', wantsWhole: call.request.value.stream !== true },
  );
  const reply = await shownOrBest(next(merge), merge, () => keepFirst('the merged program did not come'));
  if (!isCut(reply, merge)) return reply;
  reportDegraded(call.exchange, 'answer_truncated', { isLasting: true });
  return keepFirst('the merged program was cut');
}

/**
 * Describes the task by the first program and writes the program again: returns the new one, or undefined if either call
 * failed or was cut. Two calls.
 */
async function roundTrip(first: Answer, work: Work<Options>): Promise<Rewritten | undefined> {
  const { call, options } = work;
  const { messages, temperature } = call.request.value;
  const { rto_description_max_tokens: least, rto_samples, max_tokens } = options;
  const described = await askJudge(work, {
    system: DESCRIBE,
    user: describersView(messages, programOf(first.text)),
    temperature: rto_samples > 1 ? VARIED : CAREFUL,
    limit: isReasoning(call, [first]) ? Math.max(least, 4096) : least,
    role: 'description',
  });
  const description = wholeText(described);
  if (description === undefined) return undefined;

  const system = systemText(messages);
  const again = await askJudge(work, {
    system: system === '' ? REWRITE : `${system}\n\n${REWRITE}`,
    user: description,
    temperature: temperature ?? CAREFUL,
    limit: limitOf(call) ?? max_tokens,
    role: 'rewrite',
  });
  const text = wholeText(again);
  return text === undefined ? undefined : { description, program: programOf(text) };
}

/** The text of a complete answer; undefined if it failed, was cut or is empty. */
function wholeText(answer: Answer | undefined): string | undefined {
  if (!answer || !isUsable(answer) || isTruncated(answer)) return undefined;
  return stripThinking(answer.text).trim() || undefined;
}

function distinct(rewritten: readonly Rewritten[], { rto_similarity }: Options): readonly Rewritten[] {
  const isSame = (a: Rewritten, b: Rewritten) => isSameProgram(a.program, b.program, rto_similarity);
  return rewritten.filter((one, index) => rewritten.findIndex((other) => isSame(other, one)) === index);
}

/** Did a limit cut the program before its end? False for a stream, which is on its way to the client already. */
function isCut(reply: Reply, call: Call): boolean {
  if (reply.kind !== 'complete' || reply.status >= 400) return false;
  const [answer] = toAnswers(reply, call);
  return answer !== undefined && isTruncated(answer) && toolCallKey(answer) === undefined && !endsWhole(answer.text);
}
