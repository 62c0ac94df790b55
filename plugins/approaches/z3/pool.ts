/**
 * Solvers in child processes: a few that are used again and again. A worker thread would not do, since a busy solver cannot
 * be interrupted from JavaScript; a process can be killed. None is started before the first request needs one, and all end
 * with the server, or when nothing was asked for a while.
 */
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

export interface PoolSettings {
  /** Path of the solver's module. */
  readonly modulePath: string;
  /** How many processes there may be. */
  readonly size: number;
  readonly memoryMb: number;
  readonly clock: Clock;
}

/** A solver process does not start, or not any more. */
export class SolverUnavailable extends Error {}

const JOBS_PER_PROCESS = 50;
const START_LIMIT_MS = 30_000;
const IDLE_MS = 300_000;

const PROCESS_FILE = fileURLToPath(new URL(`./solver-process${extname(import.meta.url)}`, import.meta.url));

export class SolverPool {
  readonly #settings: PoolSettings;
  readonly #idle: SolverProcess[] = [];
  readonly #busy = new Set<SolverProcess>();
  readonly #queue: { readonly take: (solver: SolverProcess) => void }[] = [];
  #holders = 0;
  #cancelIdling: () => void = () => undefined;

  constructor(settings: PoolSettings) {
    this.#settings = settings;
  }

  /** One pipeline more that uses it; after a reload the old and the new one do. */
  hold(): void {
    this.#holders++;
  }

  /** One pipeline less. Without any all its processes end. */
  release(): void {
    this.#holders--;
    if (this.#holders > 0) return;
    this.#endIdle();
    for (const solver of this.#busy) solver.end();
  }

  /** The processes there are, for whoever wants to see that none is left. */
  get pids(): readonly number[] {
    return [...this.#idle, ...this.#busy].flatMap(({ pid }) => pid ?? []);
  }

  /** Starts a process where all are busy and one more may be: it is there when a program is. */
  warm(): void {
    if (this.#idle.length === 0 && this.#count < this.#settings.size) this.#addIdle();
  }

  /**
   * Runs a job on a solver of its own, as soon as one is free. Its process goes to the next job, unless it ended, or the
   * signal aborts: then it is killed.
   */
  async run<T>(job: (solver: Solver) => Promise<T>, signal: AbortSignal): Promise<T> {
    const solver = await this.#take(signal);
    const onAbort = () => solver.end();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await solver.ready;
      solver.begin();
      const result = await job(solver);
      signal.throwIfAborted();
      return result;
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#giveBack(solver);
    }
  }

  get #count(): number {
    return this.#idle.length + this.#busy.size;
  }

  #take(signal: AbortSignal): Promise<SolverProcess> {
    signal.throwIfAborted();
    this.#cancelIdling();
    this.warm();
    const free = this.#idle.shift();
    if (free) {
      this.#busy.add(free);
      return Promise.resolve(free);
    }
    return new Promise((resolve, reject) => {
      const place = {
        take: (solver: SolverProcess) => {
          signal.removeEventListener('abort', onAbort);
          resolve(solver);
        },
      };
      const onAbort = () => {
        this.#queue.splice(this.#queue.indexOf(place), 1);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#queue.push(place);
    });
  }

  #giveBack(solver: SolverProcess): void {
    this.#busy.delete(solver);
    if (solver.jobs >= JOBS_PER_PROCESS) solver.end();
    if (!solver.isOver) this.#idle.push(solver);
    const next = this.#queue.shift();
    if (next) {
      this.warm();
      const free = this.#idle.shift();
      if (!free) throw new Error('a process has just become free');
      this.#busy.add(free);
      next.take(free);
    } else if (solver.isOver && this.#holders > 0) {
      this.warm();
    }
    if (this.#busy.size === 0) {
      this.#cancelIdling();
      this.#cancelIdling = this.#settings.clock.setTimeout(() => this.#endIdle(), IDLE_MS);
    }
  }

  #addIdle(): void {
    const solver = new SolverProcess(this.#settings);
    this.#idle.push(solver);
    void solver.over.then(() => {
      const index = this.#idle.indexOf(solver);
      if (index >= 0) this.#idle.splice(index, 1);
    });
  }

  #endIdle(): void {
    this.#cancelIdling();
    for (const solver of this.#idle.splice(0)) solver.end();
  }
}

/** One child process. */
class SolverProcess implements Solver {
  /** Rejects where the process ends before its solver is there. */
  readonly ready: Promise<void>;
  /** Resolves when the process has ended, with its exit status. */
  readonly over: Promise<number | null>;
  isOver = false;
  jobs = 0;
  #isFresh = true;
  readonly #child: ChildProcess;
  readonly #settings: PoolSettings;

  constructor(settings: PoolSettings) {
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
