/** One solver in a child process, as the server holds it. */
import { fork, type ChildProcess } from 'node:child_process';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../../core/index.ts';
import { OUT_OF_MEMORY, type Evaluate, type FromSolver } from './protocol.ts';

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
  readonly memoryMb: number;
  readonly clock: Clock;
}

/** A solver process does not start, or not any more. */
export class SolverUnavailable extends Error {}

const START_LIMIT_MS = 30_000;
const PROCESS_FILE = fileURLToPath(new URL(`./solver-process${extname(import.meta.url)}`, import.meta.url));

export class SolverProcess implements Solver {
  /** Rejects where the process ends before its solver is there. */
  readonly ready: Promise<void>;
  /** Resolves when the process has ended, with its exit status. */
  readonly over: Promise<number | null>;
  isOver = false;
  jobs = 0;
  #isFresh = true;
  readonly #child: ChildProcess;
  readonly #settings: SolverSettings;

  constructor(settings: SolverSettings) {
    this.#settings = settings;
    this.#child = start(settings.modulePath);
    this.over = new Promise((resolve) => {
      this.#child.once('exit', resolve);
      this.#child.on('error', () => {
        this.end();
        resolve(null);
      });
    });
    void this.over.then(() => (this.isOver = true));
    this.ready = this.#message(START_LIMIT_MS).then((message) => {
      if ('ended' in message) throw new SolverUnavailable(`the solver's process does not start: ${message.ended}`);
    });
    // Whoever takes it waits for this; one that nobody takes may fail in silence.
    this.ready.catch(() => undefined);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** A new job begins: nothing of the one before is left. */
  begin(): void {
    this.jobs++;
    this.#isFresh = true;
  }

  async evaluate(text: string, limitMs: number): Promise<Evaluation> {
    if (this.isOver) return { ended: 'crash' };
    const evaluate: Evaluate = { text, isFresh: this.#isFresh, memoryMb: this.#settings.memoryMb };
    this.#isFresh = false;
    const answer = this.#message(limitMs);
    // An error here is the end of the process, which the answer tells.
    this.#child.send(evaluate, () => undefined);
    const message = await answer;
    return 'ended' in message || message.kind === 'output' ? message : { ended: 'crash' };
  }

  end(): void {
    this.isOver = true;
    this.#child.kill('SIGKILL');
  }

  /** What the process says next, or how it ended; it is killed where it takes too long. */
  async #message(limitMs: number): Promise<FromSolver | Exclude<Evaluation, { output: string }>> {
    let isLate = false;
    const cancel = this.#settings.clock.setTimeout(() => {
      isLate = true;
      this.end();
    }, limitMs);
    let onMessage: (message: FromSolver) => void = () => undefined;
    const said = new Promise<FromSolver>((resolve) => (onMessage = resolve));
    this.#child.once('message', onMessage);
    const ended = this.over.then((status) => {
      if (isLate) return { ended: 'timeout' } as const;
      return { ended: status === OUT_OF_MEMORY ? 'out of memory' : 'crash' } as const;
    });
    const first = await Promise.race([said, ended]);
    cancel();
    this.#child.off('message', onMessage);
    return first;
  }
}

/** With nothing of the server's environment, and no rights but to read itself and the solver, and to make threads. */
function start(modulePath: string): ChildProcess {
  const child = fork(PROCESS_FILE, [modulePath], {
    env: {},
    execArgv: [
      '--permission',
      `--allow-fs-read=${join(dirname(PROCESS_FILE), '/')}`,
      `--allow-fs-read=${join(dirname(dirname(modulePath)), '/')}`,
      '--allow-worker',
    ],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  child.unref();
  child.channel?.unref();
  return child;
}
