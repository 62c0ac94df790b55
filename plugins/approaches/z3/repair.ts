/** The search for a program that works: run one, and if it does not work, let the model repair it. */
import { SandboxUnavailable } from '../../../core/index.ts';
import { askJudge, reportDegraded, reportLostStage, survive, type Work } from '../../../core/approach/index.ts';
import { execute, rejected, type Outcome } from './execution.ts';
import { readProgram, type Formulation } from './formulation.ts';
import { REPAIRER, repairPrompt, type Fault } from './prompts.ts';
import type { Solvers } from './solver.ts';

/** The temperature of programs, and of answers if the request sets none. */
export const CAREFUL = 0.1;

type Solved = Extract<Outcome, { kind: 'ok' }>;

interface Found {
  readonly program: string;
  readonly outcome: Solved;
}

interface Limits {
  readonly z3_max_attempts: number;
  readonly z3_timeout_ms: number;
  readonly z3_program_max_tokens: number;
}

interface Searching extends Work<Limits> {
  readonly solvers: Solvers;
}

/**
 * The first program that works, with its outcome; undefined if none does, which is reported. One call for each repair.
 * A program whose constraints contradict each other counts as working, but an optimum is not believed to be impossible
 * before the program was repaired once.
 */
export async function searchProgram(formulation: Formulation, work: Searching): Promise<Found | undefined> {
  const { call, options } = work;
  const { messages } = call.request.value;
  const { progress } = call;
  const kinds: Outcome['kind'][] = [];
  const repaired = new Set<string>();
  let { program } = formulation;
  let fault: Fault | undefined = formulation.isTruncated ? 'truncated' : undefined;
  let found: Found | undefined;

  for (;;) {
    if (program !== undefined) {
      progress.say('Running the solver.');
      const outcome = await run(program, work);
      if (!outcome) break;
      kinds.push(outcome.kind);
      if (outcome.kind === 'ok') {
        found = { program, outcome };
        // If an optimum is asked for and the constraints contradict each other, the translation is most likely wrong.
        if (outcome.hasSolution || !outcome.isOptimization) break;
      }
      fault = outcome;
    }
    if (fault === undefined || kinds.length === options.z3_max_attempts) break;
    const kind = kindOf(fault);
    // An error says each time what to correct; any other kind of fault is worth one repair only.
    if (repaired.has(kind) || call.callsLeft < 2 || !call.canSpend() || call.signal.aborted) break;
    if (kind !== 'error') repaired.add(kind);

    progress.say('Asking for a corrected program.');
    const user = repairPrompt(messages, program, fault);
    const limit = options.z3_program_max_tokens;
    const reply = await askJudge(work, { system: REPAIRER, user, temperature: CAREFUL, limit, role: 'repair' });
    ({ program } = readProgram(reply?.text ?? ''));
    if (program === undefined) break;
  }
  call.trace.note({
    executions: kinds,
    ...(found ? { has_solution: found.outcome.hasSolution, is_unique: found.outcome.isUnique ?? null } : {}),
  });
  if (!found) {
    reportLostStage(call.exchange, 'z3: no result');
    // Another time, with less load, the solver may come to a result: the answer is not worth keeping in the cache.
    if (kinds.some((kind) => kind !== 'ok' && kind !== 'error')) call.exchange.isPartial = true;
  }
  return found;
}

function kindOf(fault: Fault): string {
  if (fault === 'truncated') return fault;
  if (fault.kind === 'ok' || fault.kind === 'error') return fault.kind;
  return 'too hard';
}

/** Undefined if no solver is to be had, which is reported. */
async function run(program: string, { call, options, solvers }: Searching): Promise<Outcome | undefined> {
  const refused = rejected(program);
  if (refused) return refused;
  const { z3_timeout_ms: timeoutMs } = options;
  try {
    return await survive(
      solvers.run((solver) => execute(program, solver, timeoutMs), call.signal),
      call,
    );
  } catch (error) {
    if (!(error instanceof SandboxUnavailable)) throw error;
    call.exchange.log.warn({ err: error }, 'no solver: z3 answers directly');
    reportDegraded(
      call.exchange,
      error.reason === 'busy' ? 'z3: the solvers are busy' : 'z3: the solver does not start',
    );
    return undefined;
  }
}
