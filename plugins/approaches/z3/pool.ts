/**
 * Solvers in child processes: a few that are used again and again. A worker thread would not do, since a busy solver cannot
 * be interrupted from JavaScript; a process can be killed. None is started before the first request needs one, and all end
 * with the server, or when nothing was asked for a while.
 */
import { SolverProcess, SolverUnavailable, type Solver, type SolverSettings } from './solver.ts';

export interface PoolSettings extends SolverSettings {
  /** How many processes there may be. */
  readonly size: number;
}

const JOBS_PER_PROCESS = 50;
const IDLE_MS = 300_000;

export class SolverPool {
  readonly #settings: PoolSettings;
  readonly #idle: SolverProcess[] = [];
  readonly #busy = new Set<SolverProcess>();
  readonly #queue: { take(solver: SolverProcess): void; fail(error: unknown): void }[] = [];
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
    try {
      this.#grow();
    } catch {
      // Whoever needs it is told.
    }
  }

  /** Throws `SolverUnavailable` where the system starts no process. */
  #grow(): void {
    this.#endIdleLater();
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
      signal.throwIfAborted();
      await solver.ready;
      solver.begin();
      const result = await job(solver);
      signal.throwIfAborted();
      return result;
    } catch (error) {
      // That the process was killed for it is not what went wrong.
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#giveBack(solver);
    }
  }

  get #count(): number {
    return this.#idle.length + this.#busy.size;
  }

  async #take(signal: AbortSignal): Promise<SolverProcess> {
    signal.throwIfAborted();
    this.#grow();
    const free = this.#idle.shift();
    if (free) {
      this.#busy.add(free);
      return free;
    }
    return new Promise((resolve, reject) => {
      const place = {
        take: (solver: SolverProcess) => {
          signal.removeEventListener('abort', onAbort);
          resolve(solver);
        },
        fail: (error: unknown) => {
          signal.removeEventListener('abort', onAbort);
          reject(error);
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
    this.#endIdleLater();
    this.#busy.delete(solver);
    if (solver.jobs >= JOBS_PER_PROCESS || this.#holders === 0) solver.end();
    if (!solver.isOver) this.#idle.push(solver);
    const next = this.#queue.shift();
    if (next) this.#serve(next);
    else if (solver.isOver && this.#holders > 0) this.warm();
  }

  /** There is room for one: a process has just become free, or has ended. */
  #serve(next: { take(solver: SolverProcess): void; fail(error: unknown): void }): void {
    try {
      this.#grow();
    } catch (error) {
      next.fail(error);
      return;
    }
    const free = this.#idle.shift();
    if (!free) return next.fail(new SolverUnavailable('no process is free'));
    this.#busy.add(free);
    next.take(free);
  }

  #addIdle(): void {
    let solver: SolverProcess;
    try {
      solver = new SolverProcess(this.#settings);
    } catch (cause) {
      throw new SolverUnavailable("the solver's process cannot be started", { cause });
    }
    this.#idle.push(solver);
    void solver.over.then(() => {
      const index = this.#idle.indexOf(solver);
      if (index >= 0) this.#idle.splice(index, 1);
    });
  }

  #endIdleLater(): void {
    this.#cancelIdling();
    if (this.#holders > 0) this.#cancelIdling = this.#settings.clock.setTimeout(() => this.#endIdle(), IDLE_MS);
  }

  #endIdle(): void {
    this.#cancelIdling();
    for (const solver of this.#idle.splice(0)) solver.end();
  }
}
