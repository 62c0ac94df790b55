/**
 * Runs work that is not to be trusted, such as code that a model wrote, in a few child processes that are used again
 * and again. A worker thread would not do: busy native or WebAssembly code cannot be interrupted from JavaScript, but
 * its process can be killed, and a process can be denied the environment, the files and the memory of the server.
 *
 * No process starts before the first work needs one. All end with the last pipeline that holds the sandbox, after a
 * time without work, and with the server, also if the server is killed.
 */
import { fileURLToPath } from 'node:url';
import type { Clock } from '../clock.ts';
import { nodeRuntime, type SandboxRuntime } from './node-runtime.ts';
import { SupervisedProcess, type ProcessSettings, type SandboxAnswer } from './supervised-process.ts';
import { SandboxUnavailable } from './unavailable.ts';
import { WaitingLine } from './waiting-line.ts';

/** What a sandbox runs, and its limits. */
export interface SandboxSettings {
  /**
   * The module that each process runs. Its default export is a `SandboxEntry`. Its folder can be read by the process,
   * and it may import `optigate` for types only: a process has no right to read the rest of the server's code.
   */
  readonly entry: URL;
  /** Passed to the entry when its process starts. Default: none. */
  readonly args?: readonly string[];
  /** Folders that a process may read besides the entry's own. Default: none. */
  readonly readableFolders?: readonly string[];
  /** What starts the entry. Default: this Node, with its permission model switched on. */
  readonly runtime?: SandboxRuntime;
  /** How many processes there may be. */
  readonly processes: number;
  /** How many runs may wait for a process; the next one is refused as `SandboxUnavailable`. Default: 1000. */
  readonly maxWaiting?: number;
  /** After how many runs a process is replaced; 1 gives every run a process of its own. Default: 50. */
  readonly runsPerProcess?: number;
  /**
   * Memory of one process, its runtime (about 50 MB) included. A process that takes more is killed. On systems other
   * than Linux only the JavaScript heap is bounded, so that an entry which grows elsewhere needs a limit of its own.
   */
  readonly memoryMb: number;
  /** The longest answer in bytes, as JSON. A process that writes more, printed lines included, is killed. */
  readonly outputBytes: number;
  /** How long a process may take to start. Default: 30 s. */
  readonly startLimitMs?: number;
  /** When processes end after the last run. Default: 5 min. */
  readonly idleMs?: number;
  readonly clock: Clock;
}

/** A process, for the time of one run. */
export interface SandboxProcess {
  /**
   * Sends a message to the entry and waits for its answer; both are sent as JSON. Ask one thing at a time. If the
   * process ends, the answer says why, and every later question of the run gets the same answer.
   * @param limitMs  After this time the process is killed.
   */
  ask(message: unknown, limitMs: number): Promise<SandboxAnswer>;
}

/** Creates a sandbox. It starts no process yet. */
export function createSandbox(settings: SandboxSettings): Sandbox {
  return new Sandbox(settings);
}

/** Child processes for untrusted work, and the runs that wait for one. */
export class Sandbox {
  readonly #processSettings: ProcessSettings;
  readonly #clock: Clock;
  readonly #maxProcesses: number;
  readonly #runsPerProcess: number;
  readonly #idleMs: number;
  #idle: readonly SupervisedProcess[] = [];
  readonly #busy = new Set<SupervisedProcess>();
  readonly #waiting: WaitingLine<SupervisedProcess>;
  #holders = 0;
  #cancelIdling: () => void = () => undefined;

  constructor(settings: SandboxSettings) {
    const { entry, args = [], readableFolders = [], runtime = nodeRuntime, startLimitMs = 30_000 } = settings;
    const { memoryMb, outputBytes, clock } = settings;
    const bounds = { memoryMb, outputBytes, startLimitMs };
    this.#processSettings = { entryFile: fileURLToPath(entry), args, readableFolders, runtime, bounds, clock };
    this.#clock = clock;
    this.#maxProcesses = settings.processes;
    this.#runsPerProcess = settings.runsPerProcess ?? 50;
    this.#idleMs = settings.idleMs ?? 300_000;
    this.#waiting = new WaitingLine(settings.maxWaiting ?? 1_000);
  }

  /** Counts one more pipeline that uses the sandbox. After a reload the old and the new pipeline both do. */
  hold(): void {
    this.#holders++;
  }

  /**
   * Counts one pipeline less. When none is left, all processes end, busy ones too; one started later ends after its
   * run.
   */
  release(): void {
    this.#holders--;
    if (this.#holders > 0) return;
    this.#endIdle();
    for (const process of this.#busy) process.end();
  }

  /** The ids of all processes, so that an operator or a test can see that none is left. */
  get pids(): readonly number[] {
    return [...this.#idle, ...this.#busy].flatMap(({ pid }) => pid ?? []);
  }

  /** Starts a process if all are busy and one more is allowed, so that it is ready when work comes. Never throws. */
  warm(): void {
    try {
      this.#grow();
    } catch {
      // The system starts no process. The run that needs one gets the error.
    }
  }

  /**
   * Runs `work` with a process that no other run uses meanwhile; first come, first served. Afterwards the next run gets
   * the process, unless it has ended, has left a question unanswered, or has had all its runs. If the signal aborts,
   * the run leaves the line or its process is killed, and the signal's reason is thrown. Throws `SandboxUnavailable` if
   * there is no process for it. Nothing has run then.
   */
  async run<T>(
    work: (process: SandboxProcess) => Promise<T>,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<T> {
    const process = await this.#take(signal);
    const onAbort = () => process.end();
    signal.addEventListener('abort', onAbort, { once: true });
    let isRunning = true;
    try {
      signal.throwIfAborted();
      await process.ready;
      process.runs++;
      const result = await work({
        // The process may be another run's by now.
        ask: (message, limitMs) =>
          isRunning ? process.ask(message, limitMs) : Promise.reject(new Error('the run of this process is over')),
      });
      signal.throwIfAborted();
      return result;
    } catch (error) {
      // If the signal has aborted, it is the cause: the process was killed for it.
      signal.throwIfAborted();
      throw error;
    } finally {
      isRunning = false;
      signal.removeEventListener('abort', onAbort);
      this.#giveBack(process);
    }
  }

  async #take(signal: AbortSignal): Promise<SupervisedProcess> {
    signal.throwIfAborted();
    this.#grow();
    return this.#takeIdle() ?? this.#waiting.join(signal);
  }

  #takeIdle(): SupervisedProcess | undefined {
    const [first, ...others] = this.#idle;
    if (!first) return undefined;
    this.#idle = others;
    this.#busy.add(first);
    return first;
  }

  #giveBack(process: SupervisedProcess): void {
    this.#endIdleLater();
    this.#busy.delete(process);
    if (process.isAsked || process.runs >= this.#runsPerProcess || this.#holders === 0) process.end();
    if (!process.isOver) this.#idle = [...this.#idle, process];
    this.#serveNext();
    if (process.isOver && this.#holders > 0) this.warm();
  }

  /** Called when a process has become free or has ended, so that there is room for one run. */
  #serveNext(): void {
    while (this.#waiting.length > 0) {
      try {
        this.#grow();
      } catch (error) {
        // If others are busy, those that wait get one of them later. If none is, waiting would never end.
        if (this.#busy.size > 0) return;
        this.#waiting.fail(error);
        continue;
      }
      const free = this.#takeIdle();
      if (!free) return;
      this.#waiting.serve(free);
    }
  }

  /** Makes sure that a process is idle if there may be one. Throws `SandboxUnavailable` if the system starts none. */
  #grow(): void {
    this.#endIdleLater();
    this.#dropEnded();
    if (this.#idle.length > 0 || this.#busy.size >= this.#maxProcesses) return;
    let process: SupervisedProcess;
    try {
      process = new SupervisedProcess(this.#processSettings);
    } catch (cause) {
      throw new SandboxUnavailable('start', 'the system starts no process', { cause });
    }
    this.#idle = [process];
    void process.over.then(() => this.#dropEnded());
  }

  #dropEnded(): void {
    this.#idle = this.#idle.filter(({ isOver }) => !isOver);
  }

  #endIdleLater(): void {
    this.#cancelIdling();
    if (this.#holders > 0) this.#cancelIdling = this.#clock.setTimeout(() => this.#endIdle(), this.#idleMs);
  }

  #endIdle(): void {
    this.#cancelIdling();
    for (const process of this.#idle) process.end();
    this.#idle = [];
  }
}
