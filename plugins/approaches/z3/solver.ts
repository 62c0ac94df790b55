/** Solvers, each in a child process that is used again and again. */
import { extname, dirname } from 'node:path';
import { createSandbox, type Clock, type Sandbox, type SandboxEnd, type SandboxProcess } from '../../../core/index.ts';
import { LONGEST_OUTPUT, OUT_OF_MEMORY, type Evaluate } from './protocol.ts';

/** What an evaluation came to: what the solver printed, or how its process ended. */
export type Evaluation = { readonly output: string } | { readonly ended: 'timeout' | 'out of memory' | 'crash' };

/** A solver that is one job's alone. What is evaluated one after the other shares its declarations and assertions. */
export interface Solver {
  /** @param limitMs  From when on the process is killed. */
  evaluate(text: string, limitMs: number): Promise<Evaluation>;
}

export interface SolverSettings {
  /** Path of the solver's module. */
  readonly modulePath: string;
  /** How many solvers there may be at once. */
  readonly size: number;
  /** What the solver itself may use. */
  readonly memoryMb: number;
  readonly clock: Clock;
}

const ENTRY = new URL(`./solver-process${extname(import.meta.url)}`, import.meta.url);
/** A character of the output takes at most 6 bytes on its way, as `\u001b` does. */
const OUTPUT_BYTES = 6 * LONGEST_OUTPUT + 1_024;
const JOBS_PER_PROCESS = 50;

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
      // The solver stops at its own limit. This one is for the case that it does not: the process has its code in memory,
      // too, and a heap with gaps.
      memoryMb: 2 * memoryMb + 256,
      outputBytes: OUTPUT_BYTES,
      clock,
    });
  }

  /** Runs a job on a solver of its own, as soon as one is free. Throws `SandboxUnavailable` if none can be had. */
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
