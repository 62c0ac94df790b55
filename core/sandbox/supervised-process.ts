/** One child process, seen from the server. It is asked one thing at a time, and killed if it exceeds a bound. */
import { spawn, type ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import { dirname, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../clock.ts';
import { LineReader } from './line-reader.ts';
import { watchMemory } from './memory-watch.ts';
import type { SandboxRuntime } from './node-runtime.ts';
import { readReply, type SandboxRequest } from './protocol.ts';
import { SandboxUnavailable } from './unavailable.ts';

/** What a process is killed for: too long without an answer, too much memory, or too much output. */
type Bound = 'timeout' | 'memory' | 'output';

/** The answer of the entry, or how its process ended. `value` is as the process wrote it: check it before use. */
export type SandboxAnswer = { readonly value: unknown } | SandboxEnd;

/** How a process ended. */
export interface SandboxEnd {
  /** The bound for which the process was killed, or `crash` for every other end, an exit of its own included. */
  readonly ended: Bound | 'crash';
  /** Null if a signal ended the process, or if it never ran. */
  readonly exitStatus: number | null;
}

/** What a process runs, and its bounds. */
export interface ProcessSettings {
  readonly entryFile: string;
  readonly args: readonly string[];
  readonly readableFolders: readonly string[];
  readonly runtime: SandboxRuntime;
  readonly bounds: { readonly memoryMb: number; readonly outputBytes: number; readonly startLimitMs: number };
  readonly clock: Clock;
}

/** A TypeScript file in the source, a JavaScript file in the package. */
const CHILD_FILE = fileURLToPath(new URL(`./child${extname(import.meta.url)}`, import.meta.url));
/** The id under which a process says that it is ready. */
const READY = 0;

/** Starts a process. It belongs to one run at a time. */
export class SupervisedProcess {
  /** Rejects with `SandboxUnavailable` if the process ends before its entry is ready. */
  readonly ready: Promise<void>;
  /** Resolves when the process has ended. */
  readonly over: Promise<void>;
  /** It has ended, or is being killed. */
  isOver = false;
  /** How many runs it has had. */
  runs = 0;
  readonly #child: ChildProcess;
  readonly #settings: ProcessSettings;
  readonly #lines = new LineReader();
  #lastId = READY;
  #asked: { readonly id: number; settle(answer: SandboxAnswer): void } | undefined;
  #bytes = 0;
  #brokenBound: Bound | undefined;
  #end: SandboxEnd = { ended: 'crash', exitStatus: null };

  /** Throws what the system throws if it cannot start a process; some systems say so later, through `ready`. */
  constructor(settings: ProcessSettings) {
    this.#settings = settings;
    this.#child = start(settings);
    this.over = new Promise((resolve) => {
      this.#child.once('exit', (status, signal) => {
        this.#onExit(status, signal);
        resolve();
      });
      this.#child.on('error', () => {
        this.end();
        this.#onExit(null, null);
        resolve();
      });
    });
    this.#child.stdout?.on('data', (bytes: Buffer) => this.#receive(bytes));
    this.ready = this.#answer(READY, settings.bounds.startLimitMs).then((answer) => {
      if ('ended' in answer)
        throw new SandboxUnavailable(
          'start',
          `the process does not start: ${answer.ended}, exit status ${answer.exitStatus}`,
        );
    });
    // A run that takes this process waits for `ready`. If no run ever does, its failure needs no attention.
    this.ready.catch(() => undefined);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** It has not answered its last question yet. */
  get isAsked(): boolean {
    return this.#asked !== undefined;
  }

  /** @see SandboxProcess.ask */
  async ask(message: unknown, limitMs: number): Promise<SandboxAnswer> {
    if (this.isOver) return this.#end;
    if (this.#asked) throw new Error('a process is asked one thing at a time');
    const request: SandboxRequest = { id: ++this.#lastId, message };
    const line = `${JSON.stringify(request)}\n`;
    const answer = this.#answer(request.id, limitMs);
    this.#child.stdin?.write(line);
    return answer;
  }

  end(): void {
    this.isOver = true;
    this.#child.kill('SIGKILL');
  }

  /** The next answer with this id, or the end of the process. Until then its bounds are watched. */
  async #answer(id: number, limitMs: number): Promise<SandboxAnswer> {
    const { clock, bounds } = this.#settings;
    this.#bytes = 0;
    const answer = new Promise<SandboxAnswer>((settle) => (this.#asked = { id, settle }));
    const cancelLimit = clock.setTimeout(() => this.#kill('timeout'), limitMs);
    const stopWatching = watchMemory({ pid: this.pid, maxMb: bounds.memoryMb, clock }, () => this.#kill('memory'));
    try {
      return await answer;
    } finally {
      cancelLimit();
      stopWatching();
    }
  }

  /**
   * A line that does not answer the question is something that the entry has printed. It counts as output, and no more.
   */
  #receive(bytes: Buffer): void {
    if (this.isOver) return;
    this.#bytes += bytes.length;
    if (this.#bytes > this.#settings.bounds.outputBytes) {
      this.#kill('output');
      return;
    }
    for (const line of this.#lines.read(bytes)) {
      const reply = readReply(line);
      if (reply && reply.id === this.#asked?.id) this.#settle({ value: reply.value });
    }
  }

  #kill(bound: Bound): void {
    this.#brokenBound ??= bound;
    this.end();
  }

  #onExit(exitStatus: number | null, signal: NodeJS.Signals | null): void {
    this.isOver = true;
    // V8 aborts the process when its heap is full.
    const cause = signal === 'SIGABRT' ? 'memory' : 'crash';
    this.#end = { ended: this.#brokenBound ?? cause, exitStatus };
    this.#settle(this.#end);
  }

  #settle(answer: SandboxAnswer): void {
    this.#asked?.settle(answer);
    this.#asked = undefined;
  }
}

/** Starts a process with an empty environment, which does not keep the server alive. */
function start({ entryFile, args, readableFolders, runtime, bounds }: ProcessSettings): ChildProcess {
  const { command, args: commandArgs } = runtime({
    file: CHILD_FILE,
    args: [entryFile, ...args],
    readableFolders: [dirname(CHILD_FILE), dirname(entryFile), ...readableFolders],
    memoryMb: bounds.memoryMb,
  });
  const child = spawn(command, commandArgs, { env: {}, stdio: ['pipe', 'pipe', 'ignore'], windowsHide: true });
  child.unref();
  // If the system starts no process, the streams may be missing.
  for (const stream of [child.stdin, child.stdout]) {
    if (stream instanceof Socket) stream.unref();
    // A broken pipe is the end of the process, which is noticed by its exit.
    stream?.on('error', () => undefined);
  }
  return child;
}
