/** Solvers in child processes, which are used for one job after the other. */
import { dirname, extname } from 'node:path';
import { createSandbox, type Clock, type Sandbox, type SandboxEnd, type SandboxProcess } from '../../../core/index.ts';
import { LONGEST_OUTPUT, OUT_OF_MEMORY, type Evaluate } from './protocol.ts';

/** The outcome of an evaluation: what the solver printed, or how its process ended. */
export type Evaluation = { readonly output: string } | { readonly ended: 'timeout' | 'out of memory' | 'crash' };

/** A solver that one job has to itself. Its evaluations build on each other: they share declarations and assertions. */
export interface Solver {
  /** @param limitMs  The process is killed after this time. */
  evaluate(text: string, limitMs: number): Promise<Evaluation>;
}

/** What the solvers are made with. */
export interface SolverSettings {
  /** Path of the solver's module. */
  readonly modulePath: string;
  /** How many solvers may run at once. */
  readonly size: number;
  /** For the solver's own data. */
  readonly memoryMb: number;
  readonly clock: Clock;
}

const ENTRY = new URL(`./solver-process${extname(import.meta.url)}`, import.meta.url);
/** In the JSON message a character takes at most 6 bytes, such as `\u001b`. */
const OUTPUT_BYTES = 6 * LONGEST_OUTPUT + 1_024;
const JOBS_PER_PROCESS = 50;

/** The solvers of all requests with the same settings. */
export class Solvers {
  readonly sandbox: Sandbox;
  readonly #memoryMb: number;

  constructor({ modulePath, size, memoryMb, clock }: SolverSettings) {
    this.#memoryMb = memoryMb;
    this.sandbox = createSandbox({
      entry: ENTRY,
      args: [modulePath],
      readableFolders: [dirname(dirname(modulePath))],
      processes: size,
      runsPerProcess: JOBS_PER_PROCESS,
      // The solver should stop at its own limit; this one ends a process that does not. It is higher because the process
      // also holds the solver's code, and its heap has gaps.
      memoryMb: 2 * memoryMb + 256,
      outputBytes: OUTPUT_BYTES,
      clock,
    });
  }

  /**
   * Runs a job on a solver of its own as soon as one is free. Throws `SandboxUnavailable` if too many jobs wait or none
   * starts.
   */
  run<T>(job: (solver: Solver) => Promise<T>, signal: AbortSignal): Promise<T> {
    return this.sandbox.run((process) => job(solverIn(process, this.#memoryMb)), { signal });
  }
}

function solverIn(process: SandboxProcess, memoryMb: number): Solver {
  let isFresh = true;
  return {
    async evaluate(text, limitMs) {
      const evaluate: Evaluate = { text, isFresh, memoryMb };
      isFresh = false;
      const answer = await process.ask(evaluate, limitMs);
      if ('ended' in answer) return { ended: nameOf(answer) };
      return typeof answer.value === 'string' ? { output: answer.value } : { ended: 'crash' };
    },
  };
}

function nameOf({ ended, exitStatus }: SandboxEnd): Extract<Evaluation, { ended: unknown }>['ended'] {
  if (ended === 'memory' || exitStatus === OUT_OF_MEMORY) return 'out of memory';
  return ended === 'timeout' ? 'timeout' : 'crash';
}
