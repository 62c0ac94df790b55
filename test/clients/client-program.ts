/**
 * Runs one client: a program in `scripts/`, unmodified client code that takes a base URL and the ways to choose an
 * approach, and prints what it got as JSON.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const SCRIPTS = fileURLToPath(new URL('scripts/', import.meta.url));
const CACHE = process.env['XDG_CACHE_HOME'] ?? join(process.env['HOME'] ?? tmpdir(), '.cache');

const SETTINGS = {
  env: {
    ...process.env,
    OPENAI_API_KEY: 'none',
    ANTHROPIC_API_KEY: 'none',
    NO_COLOR: '1',
    // Else it fetches prices from the net, and tries that again and again.
    LITELLM_LOCAL_MODEL_COST_MAP: 'True',
  },
  // A busy machine is not a failure.
  timeout: 300_000,
  killSignal: 'SIGKILL',
} as const;
/** How long one package of PyPI may take to be fetched. */
const INSTALL_MS = 240_000;

/** One way to ask: the model's name, and headers beside. */
export interface Way {
  readonly model: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What a client got by one way. What it cannot do is absent. */
export interface Got {
  readonly plain?: string;
  readonly streamed?: string;
  readonly tools?: string;
  readonly schema?: unknown;
}

export interface Client {
  readonly script: string;
  /** Of npm for `.mjs`, a dev dependency; of PyPI for `.py`, kept in an environment of its own outside the repository. */
  readonly package: string;
}

/** Why a client cannot be run here; undefined = it can. */
export async function whyMissing({ script, package: name }: Client): Promise<string | undefined> {
  if (script.endsWith('.mjs')) {
    try {
      import.meta.resolve(name);
      return undefined;
    } catch {
      return `${name} is not installed: npm ci`;
    }
  }
  const folder = environmentOf(name);
  // Written last, so that an installation that was cut is begun again.
  const done = join(folder, 'installed');
  if (existsSync(done)) return undefined;
  try {
    await execute('python3', ['-m', 'venv', folder]);
    const install = ['install', '--quiet', '--disable-pip-version-check', '--retries', '1', name];
    await execute(join(folder, 'bin/pip'), install, { timeout: INSTALL_MS });
    await execute('touch', [done]);
    return undefined;
  } catch (error) {
    const { stderr = '', message = '', killed } = error as { stderr?: string; message?: string; killed?: boolean };
    const why =
      killed === true ? `it took longer than ${INSTALL_MS / 1_000} s` : (stderr.trim() || message).split('\n').at(-1);
    return `${name} cannot be installed: ${why}`;
  }
}

/** Runs a client against a base URL, all ways in one process, since loading takes the most time. */
export async function runClient(
  { script, package: name }: Client,
  baseUrl: string,
  ways: readonly Way[],
): Promise<Got[]> {
  const program = script.endsWith('.mjs') ? process.execPath : join(environmentOf(name), 'bin/python');
  try {
    const { stdout } = await execute(program, [join(SCRIPTS, script), baseUrl, JSON.stringify(ways)], SETTINGS);
    return JSON.parse(stdout.slice(stdout.lastIndexOf('\n[') + 1)) as Got[];
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${script} failed:\n${stdout}${stderr}`, { cause: error });
  }
}

/** Runs a piece of code that needs a package, and returns what it printed. */
export async function runCode(example: { language: string; package: string; code: string }): Promise<string> {
  const { language, package: name, code } = example;
  const [program, args] =
    language === 'js'
      ? [process.execPath, ['--input-type=module', '-e']]
      : [join(environmentOf(name), 'bin/python'), ['-c']];
  const { stdout } = await execute(program, [...args, code], { ...SETTINGS, cwd: SCRIPTS });
  return stdout;
}

function environmentOf(name: string): string {
  return join(CACHE, 'optigate-clients', name.replace(/\[.*/, ''));
}
