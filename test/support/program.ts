/**
 * The real program, started from outside with a configuration file of its own:
 *
 *   await using program = await startProgram({ config: `upstreams: …` });
 *   await fetch(`${program.baseUrl}/models`);
 *   program.signal('SIGTERM');
 *   expect((await program.ended).code).toBe(0);
 *
 * At the end of the scope it is killed if it still runs.
 */
import type { ChildProcess } from 'node:child_process';
import { AT_ONCE, startCli, type Ended } from './cli.ts';
import { tempFolder } from './temp-folder.ts';

export interface ProgramOptions {
  /** Text of config.yaml. Absent = no file, the built-in default. */
  readonly config?: string;
  /** Beside it, by path. */
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Default: any free port. */
  readonly args?: readonly string[];
}

export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string; readonly level: number };

export interface Program extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** The same with `/v1`. */
  readonly baseUrl: string;
  readonly port: number;
  /** Folder of its configuration. */
  readonly folder: string;
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What it has logged so far. */
  log(): readonly LogLine[];
  /** Resolves with the first match on stdout; rejects when the program ends before. */
  output(pattern: RegExp): Promise<RegExpExecArray>;
  signal(name: NodeJS.Signals): void;
  /** A chat request: `model` and `messages` are filled in where they are absent. */
  chat(
    body?: object,
    init?: { readonly headers?: Record<string, string>; readonly signal?: AbortSignal },
  ): Promise<Response>;
}

export async function startProgram(options: ProgramOptions = {}): Promise<Program> {
  const { config, files = {}, env = {}, args = ['--port', '0'] } = options;
  const folder = await tempFolder(config === undefined ? files : { ...files, 'config.yaml': config });
  const started = startCli(args, { cwd: folder.path, env });
  try {
    const [, url = ''] = await started.output(/"address":"([^"]+)".*"msg":"optigate listens"/);
    return {
      url,
      baseUrl: `${url}/v1`,
      port: Number(new URL(url).port),
      folder: folder.path,
      process: started.process,
      ended: started.ended,
      log: () => linesOf(started.stdout()),
      output: started.output,
      signal: (name) => void started.process.kill(name),
      chat: (body = {}, { headers = {}, signal } = {}) =>
        fetch(`${url}/v1/chat/completions`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          body: JSON.stringify({ model: 'test-model', messages: [{ role: 'user', content: 'Hello' }], ...body }),
          ...(signal ? { signal } : {}),
        }),
      async [Symbol.asyncDispose]() {
        started.process.kill(AT_ONCE);
        await started.ended;
        await folder[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    started.process.kill('SIGKILL');
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}

/** Upstreams of a configuration: the one called `main`, paid for by `sk-server`. */
export function mainUpstream({ baseUrl }: { readonly baseUrl: string }): string {
  return `upstreams: { main: { base_url: "${baseUrl}", api_key: sk-server } }\n`;
}

function linesOf(stdout: string): LogLine[] {
  const whole = stdout.slice(0, stdout.lastIndexOf('\n') + 1);
  return whole
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as LogLine);
}
