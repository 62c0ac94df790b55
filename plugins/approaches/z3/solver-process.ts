/**
 * What runs in a child process: the solver, and nothing else. Evaluates one text after the other, synchronously, since the
 * package's own promises hand texts over through a buffer that may be overwritten before it is read. Knows no network,
 * no files (the module has a file system of its own, in memory) and none of the server's environment.
 *
 * Ends with its parent, also in the middle of an evaluation that never returns: a thread of its own watches for that.
 */
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { LONGEST_OUTPUT, OUT_OF_MEMORY, type Evaluate, type FromSolver } from './protocol.ts';

/** What is used of the module, which has no types of its own at this level. */
interface SolverModule {
  ccall(name: string, returns: 'string' | null, takes: readonly string[], values: readonly unknown[]): unknown;
  _Z3_global_param_reset_all(): void;
  _Z3_mk_config(): number;
  _Z3_del_config(config: number): void;
  _Z3_mk_context(config: number): number;
  _Z3_del_context(context: number): void;
  /** Errors are then printed instead of ending the module. */
  _set_noop_error_handler(context: number): void;
}

type CreateModule = (settings: { print(): void; printErr(): void }) => Promise<SolverModule>;

await serve(process.argv[2] ?? '');

async function serve(path: string): Promise<void> {
  process.on('disconnect', () => process.exit());
  // A server that is told to stop finishes its requests first; a terminal tells the whole group.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => undefined);
  watchParent();
  const createModule = createRequire(import.meta.url)(path) as CreateModule;
  const solver = await createModule({ print: () => undefined, printErr: () => undefined });
  let context: number | undefined;

  process.on('message', ({ text, isFresh, memoryMb }: Evaluate) => {
    try {
      if (isFresh || context === undefined) {
        if (context !== undefined) solver._Z3_del_context(context);
        context = createContext(solver, memoryMb);
      }
      const output = solver.ccall('Z3_eval_smtlib2_string', 'string', ['number', 'string'], [context, text]);
      tell({ kind: 'output', output: String(output).slice(0, LONGEST_OUTPUT + 1) });
    } catch (error) {
      process.exit(statusOf(error));
    }
  });
  tell({ kind: 'ready' });
}

function createContext(solver: SolverModule, memoryMb: number): number {
  // Options that a program sets may be global ones, which outlive its context.
  solver._Z3_global_param_reset_all();
  const set = (name: string, value: string) =>
    solver.ccall('Z3_global_param_set', null, ['string', 'string'], [name, value]);
  // This one outlives the reset as well, and prints between the results.
  set('verbose', '0');
  set('memory_max_size', String(memoryMb));
  const config = solver._Z3_mk_config();
  const context = solver._Z3_mk_context(config);
  solver._Z3_del_config(config);
  solver._set_noop_error_handler(context);
  return context;
}

function tell(message: FromSolver): void {
  process.send?.(message);
}

/** The module ends by throwing its exit status. */
function statusOf(error: unknown): number {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : 1;
  return status === OUT_OF_MEMORY ? OUT_OF_MEMORY : 1;
}

/** While the solver works, this thread hears of nothing, its parent's end included. */
function watchParent(): void {
  const watch = `
    const parent = process.ppid;
    setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL'); }, 250);`;
  new Worker(watch, { eval: true, resourceLimits: { maxOldGenerationSizeMb: 8 } }).unref();
}
