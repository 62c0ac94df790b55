/** From the first program to one that works: run, and let the model repair it from what the solver says. */
import { SandboxUnavailable, type Call } from '../../../core/index.ts';
import { reportDegraded, reportLostStage, survive, judgeCall, type Next } from '../../../core/approach/index.ts';
import { execute, rejected, type Outcome } from './execution.ts';
import { readProgram, type Formulation } from './formulation.ts';
import { REPAIRER, repairPrompt, type Fault } from './prompts.ts';
import type { Solvers } from './solver.ts';

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

/** The program that worked with what it came to; undefined where none did. */
export async function searchProgram(
  formulation: Formulation,
  call: Call,
  next: Next,
  options: Limits,
  solvers: Solvers,
): Promise<Found | undefined> {
  const { messages } = call.request.value;
  const { progress } = call.exchange;
  const kinds: Outcome['kind'][] = [];
  const repaired = new Set<string>();
  let { program } = formulation;
  let fault: Fault | undefined = formulation.isTruncated ? 'truncated' : undefined;
  let found: Found | undefined;

  for (;;) {
    if (program !== undefined) {
      progress.say('Running the solver.');
      const outcome = await run(program, call, options.z3_timeout_ms, solvers);
      if (!outcome) break;
      kinds.push(outcome.kind);
      if (outcome.kind === 'ok') {
        found = { program, outcome };
        // An optimum of contradicting constraints is most likely a wrong translation.
        if (outcome.hasSolution || !outcome.isOptimization) break;
      }
      fault = outcome;
    }
    if (fault === undefined || kinds.length === options.z3_max_attempts) break;
    const kind = kindOf(fault);
    // Of these another try makes sense once; an error says what to correct each time.
    if (repaired.has(kind) || call.callsLeft < 2 || !call.canSpend() || call.signal.aborted) break;
    if (kind !== 'error') repaired.add(kind);

    progress.say('Asking for a corrected program.');
    const user = repairPrompt(messages, program, fault);
    const limit = options.z3_program_max_tokens;
    const asked = judgeCall(call, { system: REPAIRER, user, temperature: CAREFUL, limit, role: 'repair' });
    ({ program } = readProgram((await survive(next.ask(asked), call))?.text ?? ''));
    if (program === undefined) break;
  }
  call.trace.note({
    executions: kinds,
    ...(found ? { has_solution: found.outcome.hasSolution, is_unique: found.outcome.isUnique ?? null } : {}),
  });
  if (!found) {
    reportLostStage(call.exchange, 'z3: no result');
    // With less load, or other seeds, the solver may come to a result another time.
    if (kinds.some((kind) => kind !== 'ok' && kind !== 'error')) call.exchange.isPartial = true;
  }
  return found;
}

function kindOf(fault: Fault): string {
  if (fault === 'truncated') return fault;
  if (fault.kind === 'ok' || fault.kind === 'error') return fault.kind;
  return 'too hard';
}

/** Undefined if no solver can be had. */
async function run(program: string, call: Call, timeoutMs: number, solvers: Solvers): Promise<Outcome | undefined> {
  const refused = rejected(program);
  if (refused) return refused;
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
