/**
 * Solver-aided answers: the model translates the question for a solver, the solver computes, the model explains the result,
 * live. Calls: 2, and i more for i repairs, each a round of its own; K + 1 where K programs in a row do not work. A question
 * that no solver can help with costs one call more than a plain one, and no round more with `z3_speculative`.
 *
 * No paper of its own: Ye et al. 2023, "SatLM: Satisfiability-Aided Language Models Using Declarative Prompting",
 * arXiv:2305.09656; Pan et al. 2023, "Logic-LM", arXiv:2305.12295, which repairs from the solver's messages as this does.
 */
import { childSignal, definePlugin, z, type Call, type Message, type Reply } from '../../../core/index.ts';
import {
  approachOptions,
  reportDegraded,
  reportLostStage,
  survive,
  isUsable,
  judgeCall,
  shownOrBest,
  questionBlock,
  shownOrError,
  withDefaultLimit,
  type Answer,
  type Next,
} from '../../../core/approach/index.ts';
import { readFormulation } from './formulation.ts';
import { ANALYST, resultText, withAnalysis, withResult } from './prompts.ts';
import { findSolver, INSTALL } from './solver-package.ts';
import { CAREFUL, searchProgram } from './repair.ts';
import { Solvers } from './solver.ts';

const NAME = 'z3';

const options = approachOptions({
  z3_max_attempts: z.int().min(1).max(6).default(3).describe('How many programs are run, repaired ones included.'),
  z3_timeout_ms: z.int().min(100).max(60_000).default(10_000).describe('Time for one run of the solver.'),
  z3_program_max_tokens: z.int().min(512).default(4096).describe('Limit of the calls that write programs.'),
  max_tokens: z.int().min(1).default(4096).describe('Limit of the answer, where the request sets none.'),
  z3_speculative: z.boolean().default(false).describe('Start the direct answer together with the first call.'),
  z3_language: z.enum(['smt2']).default('smt2').describe('The language of programs: SMT-LIB 2.'),
  z3_memory_mb: z
    .int()
    .min(128)
    .max(4096)
    .default(512)
    .describe('Memory of one solver. Only the server may set it.')
    .meta({ serverOnly: true }),
  z3_processes: z
    .int()
    .min(1)
    .max(16)
    .default(2)
    .describe('How many solvers there may be, each a process. Only the server may set it.')
    .meta({ serverOnly: true }),
});
type Options = z.output<typeof options>;

export default z3();

/** @param find  Where the solver's module is; undefined = not installed. */
export function z3(find: () => string | undefined = findSolver) {
  return definePlugin({
    name: NAME,
    description: 'Lets a solver compute what can be computed: puzzles, constraints, schedules, exact arithmetic.',
    options,
    apply({ approaches, hooks, keep, clock, log }, settings) {
      const modulePath = find();
      const { z3_memory_mb: memoryMb, z3_processes: size } = settings;
      if (modulePath === undefined) log.warn({ install: INSTALL }, 'z3-solver is not installed: z3 answers directly');
      // No process starts here: the first request starts one.
      const solvers =
        modulePath === undefined
          ? undefined
          : keep(`solvers/${size}/${memoryMb}`, () => new Solvers({ modulePath, size, memoryMb, clock }));
      solvers?.sandbox.hold();
      hooks.shutdown.tap(NAME, () => solvers?.sandbox.release());

      approaches.add(NAME, {
        kind: 'answerer',
        run(call, next, chosen) {
          if (solvers) return solve(call, next, chosen, solvers);
          reportDegraded(call.exchange, 'z3: z3-solver is not installed', { isLasting: true });
          return direct(call, next, chosen);
        },
      });
    },
  });
}

async function solve(call: Call, next: Next, options: Options, solvers: Solvers): Promise<Reply> {
  if (call.callsLeft < 2) {
    reportDegraded(call.exchange, 'budget_exhausted');
    return direct(call, next, options);
  }
  solvers.sandbox.warm();
  // Of two calls, the one after the analysis is the answer.
  const spare = options.z3_speculative && call.callsLeft > 2 ? spareAnswer(call, next, options) : undefined;
  try {
    return await solveBeside(spare, call, next, options, solvers);
  } finally {
    spare?.abort();
  }
}

async function solveBeside(
  spare: Spare | undefined,
  call: Call,
  next: Next,
  options: Options,
  solvers: Solvers,
): Promise<Reply> {
  const { messages, temperature } = call.request.value;
  const { progress } = call.exchange;

  progress.say('Translating the question for a solver.');
  const limit = options.z3_program_max_tokens;
  const asked = { system: ANALYST, user: questionBlock(messages), temperature: CAREFUL, limit, role: 'analysis' };
  const analysed = await survive(next.ask(judgeCall(call, asked)), call);
  if (!analysed) reportLostStage(call.exchange, 'z3: analysis failed');
  const formulation = readFormulation(analysed?.text ?? '');
  const { isApplicable, analysis } = formulation;
  call.trace.note({ is_applicable: isApplicable });
  if (!analysed || !isApplicable) return (await spare?.answer()) ?? direct(call, next, options);

  const found = await searchProgram(formulation, call, next, options, solvers);
  if (!found) {
    progress.say('The solver brought no result, answering directly.');
    return (
      (await spare?.answer()) ??
      orWhatThereIs(analysed, analysis, call, () => direct(call, next, options, withAnalysis(messages, analysis)))
    );
  }

  spare?.abort();
  progress.say('The solver has a result, writing the answer.');
  const result = resultText(found.outcome);
  const synthesis = call.with(
    {
      messages: withResult(messages, analysis, found.program, result),
      temperature: temperature ?? CAREFUL,
      ...withDefaultLimit(call, options.max_tokens),
    },
    { role: 'synthesis' },
  );
  const best = replyWith(analysed, [analysis, result].join('\n\n').trim());
  const reply = await shownOrBest(next(synthesis), synthesis, () => best);
  return reply === best ? orWhatThereIs(analysed, result, call, () => direct(call, next, options)) : reply;
}

/** The answer call without a solver. */
function direct(
  call: Call,
  next: Next,
  options: Options,
  messages: readonly Message[] = call.request.value.messages,
): Promise<Reply> {
  const asked = directCall(call, options, messages);
  return shownOrError(next(asked), asked);
}

function directCall(call: Call, { max_tokens }: Options, messages = call.request.value.messages): Call {
  const temperature = call.request.value.temperature ?? CAREFUL;
  return call.with({ messages, temperature, ...withDefaultLimit(call, max_tokens) });
}

/** Where nothing more may be spent, what the model or the solver has said so far is the answer. */
async function orWhatThereIs(analysed: Answer, text: string, call: Call, answer: () => Promise<Reply>): Promise<Reply> {
  if (text === '' || (call.canSpend() && !call.signal.aborted)) return answer();
  reportDegraded(call.exchange, call.signal.aborted ? 'deadline_exceeded' : 'budget_exhausted');
  return replyWith(analysed, text);
}

function replyWith({ reply, choice }: Answer, content: string): Reply {
  if (reply.kind !== 'complete') return reply;
  const shown = { ...choice, finish_reason: 'stop', message: { ...choice.message, content } };
  return { ...reply, body: reply.body.with({ choices: [shown] }) };
}

/** The direct answer, made while the solver's way is tried. */
interface Spare {
  /** Undefined where it brought nothing. */
  answer(): Promise<Reply | undefined>;
  abort(): void;
}

/** Asked whole: nothing of it may be shown before it is decided that it is the answer. */
function spareAnswer(call: Call, next: Next, options: Options): Spare {
  const child = childSignal(call.signal);
  const asked = directCall(call, options).with({}, { signal: child.signal });
  const made = survive(next.ask(asked), call).finally(() => child.release());
  // Nobody may be waiting for it any more when it fails.
  made.catch(() => undefined);
  return {
    answer: async () => {
      const answer = await made;
      return answer && isUsable(answer) ? answer.reply : undefined;
    },
    abort: () => child.abort(new Error('the solver has brought a result')),
  };
}
