/** Questions and answers between the bench and its helper processes, over Node's IPC channel. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What a helper can do: name → function of one argument. */
export type Skills = Record<string, (argument: never) => unknown>;

/** A helper process as the bench sees it. */
export interface Helper<S extends Skills> {
  readonly pid: number;
  /** Rejects if the helper fails or ends. */
  ask<K extends keyof S & string>(skill: K, argument: Parameters<S[K]>[0]): Promise<Awaited<ReturnType<S[K]>>>;
  stop(): Promise<void>;
}

interface Question {
  readonly id: number;
  readonly skill: string;
  readonly argument: unknown;
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** Starts a file as a process of its own, which must call `offer`. The path is relative to this folder. */
export async function startHelper<S extends Skills>(file: string): Promise<Helper<S>> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let last = 0;
  child.on('message', ({ id, value, error }: Answer) => {
    const question = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) question?.resolve(value);
    else question?.reject(new Error(`${file}: ${error}`));
  });
  child.on('exit', (code) => {
    for (const question of waiting.values()) question.reject(new Error(`${file} ended with ${code}`));
  });
  await once(child, 'spawn');
  const ask = (skill: string, argument: unknown): Promise<unknown> => {
    const question = Promise.withResolvers<unknown>();
    waiting.set(++last, question);
    child.send({ id: last, skill, argument } satisfies Question);
    return question.promise;
  };
  // The compiler cannot check across processes that the helper answers as its type says.
  return { pid: pidOf(child), ask, stop: () => stop(child) } as Helper<S>;
}

/** Called in the helper process: answers the bench's questions. The process ends when the bench ends. */
export function offer(skills: Skills): void {
  process.on('disconnect', () => process.exit());
  const reply = async ({ id, skill, argument }: Question): Promise<Answer> => {
    try {
      return { id, value: await skills[skill]?.(argument as never) };
    } catch (error) {
      return { id, error: error instanceof Error ? error.message : String(error) };
    }
  };
  process.on('message', (question: Question) => void reply(question).then((answer) => process.send?.(answer)));
}

/** A child's process id. Throws if it did not start. */
export function pidOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error('the process did not start');
  return pid;
}

/** Makes a child process end when the bench exits. */
export function tie(child: ChildProcess): void {
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
}

/** Ends a child process with SIGTERM, after 5 s with SIGKILL, and waits for its end. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await gone;
  clearTimeout(timer);
}
