/**
 * What runs in a child process: the solver and nothing else. It evaluates texts one after the other, synchronously: the
 * package's asynchronous functions hand texts over in a buffer that may be overwritten before it is read. The solver's
 * file system is in memory and its own.
 */
import { createRequire } from 'node:module';
import type { SandboxAnswerer } from '../../../core/index.ts';
import { LONGEST_OUTPUT, OUT_OF_MEMORY, type Evaluate } from './protocol.ts';

/** The functions used here; the package has no types for this module. */
interface SolverModule {
  ccall(name: string, returns: 'string' | null, takes: readonly string[], values: readonly unknown[]): unknown;
  _Z3_global_param_reset_all(): void;
  _Z3_mk_config(): number;
  _Z3_del_config(config: number): void;
  _Z3_mk_context(config: number): number;
  _Z3_del_context(context: number): void;
  /** Makes the solver print errors instead of ending. */
  _set_noop_error_handler(context: number): void;
}

type CreateModule = (settings: { print(): void; printErr(): void }) => Promise<SolverModule>;

/** Loads the solver and returns what answers each message. The process ends with an exit status if the solver does. */
export default async function start([modulePath = '']: readonly string[]): Promise<SandboxAnswerer> {
  const createModule = createRequire(import.meta.url)(modulePath) as CreateModule;
  const solver = await createModule({ print: () => undefined, printErr: () => undefined });
  let context: number | undefined;

  return (message) => {
    // The server alone sends messages, and only `Solver.evaluate` writes them: no check is needed.
    const { text, isFresh, memoryMb } = message as Evaluate;
    try {
      if (isFresh || context === undefined) {
        if (context !== undefined) solver._Z3_del_context(context);
        context = createContext(solver, memoryMb);
      }
      const output = solver.ccall('Z3_eval_smtlib2_string', 'string', ['number', 'string'], [context, text]);
      return String(output).slice(0, LONGEST_OUTPUT + 1);
    } catch (error) {
      process.exit(statusOf(error));
    }
  };
}

function createContext(solver: SolverModule, memoryMb: number): number {
  // A program may have set global options, which outlive its context.
  solver._Z3_global_param_reset_all();
  const set = (name: string, value: string) =>
    solver.ccall('Z3_global_param_set', null, ['string', 'string'], [name, value]);
  // `verbose` survives the reset as well, and would print between the results.
  set('verbose', '0');
  set('memory_max_size', String(memoryMb));
  const config = solver._Z3_mk_config();
  const context = solver._Z3_mk_context(config);
  solver._Z3_del_config(config);
  solver._set_noop_error_handler(context);
  return context;
}

/** The exit status of a solver that ended, which its module throws as an error. */
function statusOf(error: unknown): number {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : 1;
  return status === OUT_OF_MEMORY ? OUT_OF_MEMORY : 1;
}
