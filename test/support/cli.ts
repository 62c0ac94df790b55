import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const ENTRY = fileURLToPath(new URL('../../core/cli/optigate.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd: string;
  /** Beside PATH; nothing of the machine's own environment is passed on. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs the program to its end. */
export function cli(args: readonly string[], options: CliOptions): Promise<Ended> {
  return startCli(args, options).ended;
}

export interface StartedCli {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves with the first match on stdout; rejects when the program ends before. */
  readonly output: (pattern: RegExp) => Promise<RegExpExecArray>;
  /** What it has printed so far. */
  readonly stdout: () => string;
}

const isCovering = process.env['NODE_V8_COVERAGE'] !== undefined;

/** Ends a program at once; where coverage is measured, after it has written what it ran. */
export const AT_ONCE: NodeJS.Signals = isCovering ? 'SIGUSR2' : 'SIGKILL';

/** Code from the program's own cache makes coverage less precise. */
const COVERED = {
  NODE_DISABLE_COMPILE_CACHE: '1',
  NODE_OPTIONS: `--import=data:text/javascript,process.on('${AT_ONCE}',()=>process.exit())`,
};

export function startCli(args: readonly string[], { cwd, env = {} }: CliOptions): StartedCli {
  const PATH = process.env['PATH'] ?? '';
  const child = spawn(process.execPath, [ENTRY, ...args], {
    cwd,
    env: { PATH, ...(isCovering ? COVERED : {}), ...env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = once(child, 'close').then(([code]): Ended => ({ code: code as number | null, stdout, stderr }));
  const output = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(stdout);
        if (match) resolve(match);
      };
      child.stdout.on('data', look);
      child.once('close', () => reject(new Error(`ended without ${String(pattern)}: ${stdout}${stderr}`)));
      look();
    });
  return { process: child, ended, output, stdout: () => stdout };
}
