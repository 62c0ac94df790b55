/** The problems of a configuration, and how messages show them: place, value, expectation. */

/** Keys and list indexes, from the root of the file. */
export type Path = readonly (string | number)[];

/** A place in the file. Lines and columns count from 1. */
export interface Position {
  readonly line: number;
  readonly col: number;
}

/** One thing that is wrong. */
export interface Problem {
  readonly path: Path;
  readonly message: string;
  /** Absent if the problem has no place in the file. */
  readonly at?: Position;
  /** The flag or variable that the value comes from; absent = the file. */
  readonly origin?: string;
}

/** The configuration cannot be used. The message names the file and lists all problems, one per line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly Problem[];
  /** 2 if the value of a flag or environment variable is wrong (bad usage), else 1. */
  readonly exitCode: 1 | 2;

  constructor(file: string, problems: readonly Problem[], options: ErrorOptions & { exitCode?: 1 | 2 } = {}) {
    super(describe(file, problems), options);
    this.problems = problems;
    this.exitCode = options.exitCode ?? (problems.some(({ origin }) => origin !== undefined) ? 2 : 1);
  }
}

function describe(file: string, problems: readonly Problem[]): string {
  const lines = [...problems].sort(byPosition).map((problem) => describeProblem(file, problem));
  const [only] = lines;
  if (lines.length === 1 && only !== undefined) return only;
  return `${lines.length} problems in the configuration:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}

function describeProblem(file: string, { path, message, at, origin }: Problem): string {
  const shown = withoutKeys(message);
  if (origin !== undefined) return `${origin}: ${shown}`;
  const where = at ? `${file}:${at.line}:${at.col}` : file;
  return path.length === 0 ? `${where}: ${shown}` : `${where} ${printPath(path)}: ${shown}`;
}

function byPosition(a: Problem, b: Problem): number {
  return (a.at?.line ?? 0) - (b.at?.line ?? 0) || (a.at?.col ?? 0) - (b.at?.col ?? 0);
}

/** `plugins[2].retry.attempts`, `plugins[3]["./my-plugin.ts"].text`. */
export function printPath(path: Path): string {
  return path
    .map((step, depth) => {
      if (typeof step === 'number') return `[${step}]`;
      if (!/^[\w-]+$/.test(step)) return `[${JSON.stringify(step)}]`;
      return depth === 0 ? step : `.${step}`;
    })
    .join('');
}

/**
 * A value as messages show it: shortened, and without anything that may be a key or a credential in an address.
 * @param isHidden  It comes from the environment, where secrets are kept: it is not shown at all.
 */
export function printValue(value: unknown, path: Path, isHidden = false): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'keys with values';
  if (isHidden || isSecret(path, value)) return 'a value that is not shown here';
  const shown = withoutKeys(JSON.stringify(value));
  return shown.length > 80 ? `${shown.slice(0, 77)}…"` : shown;
}

function isSecret(path: Path, value: unknown): boolean {
  if (typeof value === 'string' && (value.search(KEYS) >= 0 || LONG_WORDS.test(value))) return true;
  const name = path.findLast((step) => typeof step === 'string') ?? '';
  return /(^|_|-)(key|keys|secret|token|password)$/i.test(name) || path.includes('upstream_keys');
}

/** Keys by the beginnings that providers give them. */
const KEYS = /\b(?:sk|gsk|csk|xai|r8|hf|pk|rk|fw|ghp|glpat|AKIA|AIza)(?:[-_][\w-]{2,}|(?<=AKIA|AIza)[\w-]{8,})/g;
/** Words that no one would write but as a key: long ones of letters and digits, and UUIDs. */
const LONG_WORDS =
  /(?<!\w)(?:(?=[A-Za-z_]*\d)(?=[\d_]*[A-Za-z])\w{20,}|[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12})/i;

/** A text without keys, and without credentials in addresses. Every message about a configuration passes here. */
export function withoutKeys(text: string): string {
  return text
    .replaceAll(/:\/\/[^/\s"?#]*@/g, '://…@')
    .replaceAll(/([?&#][\w-]{0,40}(?:key|token|secret|password|signature|sig|auth)=)[^&\s"]*/gi, '$1…')
    .replaceAll(KEYS, '…');
}
