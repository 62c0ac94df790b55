/**
 * Solver-aided answers: the model translates the question for a solver, the solver computes, and the model explains the
 * result, which streams live. Calls and rounds: 2 + i for i repairs; K + 1 if none of K programs (`z3_max_attempts`)
 * works. A question that no solver can help with takes 2 calls in 2 rounds. `z3_speculative` makes the direct answer
 * beside the first call: one call more, and 1 round for such a question.
 *
 * There is no paper of exactly this: Ye et al. 2023, "SatLM: Satisfiability-Aided Language Models Using Declarative
 * Prompting", arXiv:2305.09656; Pan et al. 2023, "Logic-LM", arXiv:2305.12295, in which a model repairs its program from the
 * solver's messages as here. Departures: one language for all questions, SMT-LIB 2; no examples in the prompts; the model
 * writes the answer from the result, where SatLM reads it out by a rule.
 */
import { childSignal, definePlugin, z, type Call, type Message, type Reply } from '../../../core/index.ts';
import {
  approachOptions,
  askJudge,
  isUsable,
  questionBlock,
  reportDegraded,
  reportLostStage,
  shownOrBest,
  shownOrError,
  survive,
  withDefaultLimit,
  type Answer,
  type Work,
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

/** @param find  Returns the path of the solver's module, or undefined if the package is not installed. */
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
        run(call, next, options) {
          const work = { call, next, options };
          if (solvers) return solve({ ...work, solvers });
          reportDegraded(call.exchange, 'z3: z3-solver is not installed', { isLasting: true });
          return answerDirectly(work);
        },
      });
    },
  });
}

interface Solving extends Work<Options> {
  readonly solvers: Solvers;
}

async function solve(work: Solving): Promise<Reply> {
  const { call, options, solvers } = work;
  if (call.callsLeft < 2) {
    reportDegraded(call.exchange, 'budget');
    return answerDirectly(work);
  }
  solvers.sandbox.warm();
  // If only two calls are left, they are the analysis and the answer.
  const spare = options.z3_speculative && call.callsLeft > 2 ? spareAnswer(work) : undefined;
  try {
    return await solveBeside(spare, work);
  } finally {
    spare?.abort();
  }
}

async function solveBeside(spare: Spare | undefined, work: Solving): Promise<Reply> {
  const { call, next, options } = work;
  const { messages, temperature } = call.request.value;
  const { progress } = call;

  progress.say('Translating the question for a solver.');
  const limit = options.z3_program_max_tokens;
  const prompt = { system: ANALYST, user: questionBlock(messages), temperature: CAREFUL, limit, role: 'analysis' };
  const analysed = await askJudge(work, prompt);
  if (!analysed) reportLostStage(call.exchange, 'z3: analysis failed');
  const formulation = readFormulation(analysed?.text ?? '');
  const { isApplicable, analysis } = formulation;
  call.trace.note({ is_applicable: isApplicable });
  if (!analysed || !isApplicable) return (await spare?.answer()) ?? answerDirectly(work);

  const found = await searchProgram(formulation, work);
  if (!found) {
    progress.say('The solver brought no result, answering directly.');
    return (
      (await spare?.answer()) ??
      lastAnswer(call, { analysed, text: analysis }, () => answerDirectly(work, withAnalysis(messages, analysis)))
    );
  }

  spare?.abort();
  progress.say('The solver has a result, writing the answer.');
  const result = resultText(found.outcome);
  const synthesis = call.with(
    {
      messages: withResult(messages, { analysis, program: found.program, result }),
      temperature: temperature ?? CAREFUL,
      ...withDefaultLimit(call, options.max_tokens),
    },
    { role: 'synthesis' },
  );
  const best = replyWith(analysed, [analysis, result].join('\n\n').trim());
  const reply = await shownOrBest(next(synthesis), synthesis, () => best);
  return reply === best ? lastAnswer(call, { analysed, text: result }, () => answerDirectly(work)) : reply;
}

/** The answer call without a solver. One call. */
function answerDirectly(work: Work<Options>, messages?: readonly Message[]): Promise<Reply> {
  const asked = directCall(work, messages);
  return shownOrError(work.next(asked), asked);
}

function directCall({ call, options }: Work<Options>, messages = call.request.value.messages): Call {
  const temperature = call.request.value.temperature ?? CAREFUL;
  return call.with({ messages, temperature, ...withDefaultLimit(call, options.max_tokens) });
}

interface Findings {
  /** The analysis call's answer, whose reply is shown with `text` in it. */
  readonly analysed: Answer;
  /** What the model or the solver has found so far; may be empty. */
  readonly text: string;
}

/** One more answer call; if no call may be made any more, the findings are the answer, unless they are empty. */
async function lastAnswer(call: Call, { analysed, text }: Findings, answer: () => Promise<Reply>): Promise<Reply> {
  if (text === '' || (call.canSpend() && !call.signal.aborted)) return answer();
  reportDegraded(call.exchange, call.signal.aborted ? 'deadline' : 'budget');
  return replyWith(analysed, text);
}

function replyWith({ reply, choice }: Answer, content: string): Reply {
  if (reply.kind !== 'complete') return reply;
  const shown = { ...choice, finish_reason: 'stop', message: { ...choice.message, content } };
  return { ...reply, body: reply.body.with({ choices: [shown] }) };
}

/** The direct answer of `z3_speculative`, made while the solver works. */
interface Spare {
  /** Undefined if its call failed or the answer is not usable. */
  answer(): Promise<Reply | undefined>;
  abort(): void;
}

/** Not streamed, because nothing of it may be shown before it is certain that it is the answer. */
function spareAnswer(work: Work<Options>): Spare {
  const { call, next } = work;
  const child = childSignal(call.signal);
  const asked = directCall(work).with({}, { signal: child.signal });
  const made = survive(next.ask(asked), call).finally(() => child.release());
  // It may fail when nobody waits for it any more; that must not end the process.
  made.catch(() => undefined);
  return {
    answer: async () => {
      const answer = await made;
      return answer && isUsable(answer) ? answer.reply : undefined;
    },
    abort: () => child.abort(new Error('the solver has brought a result')),
  };
}
