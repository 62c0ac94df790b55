/**
 * References to the environment, `${NAME}` and `${NAME:-default}`, in the file's values. Only this file reads
 * `process.env`.
 */

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A text with its references filled in. */
export interface Expansion {
  /** Undefined if a variable without a default is not set: the key then counts as not written. */
  readonly text: string | undefined;
  /** The variables that the text refers to, in order. */
  readonly names: readonly string[];
  /** Those of them that are not set and have no default. */
  readonly unset: readonly string[];
}

const REFERENCE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(:-[^}\r\n]*)?\}/g;

/** The environment of this process. */
export function processEnvironment(): Environment {
  return process.env;
}

/** Is `NODE_ENV=production`? */
export function isProduction(environment: Environment): boolean {
  return environment['NODE_ENV'] === 'production';
}

/** The proxies that the environment names. */
export interface Proxies {
  /** For addresses with `http:`, and with `https:`. */
  readonly http: string | undefined;
  readonly https: string | undefined;
  /** `NO_PROXY`: what is reached without. */
  readonly none: string;
}

/** `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`. Written small they win, as with other programs. */
export function proxiesOf(environment: Environment): Proxies {
  const read = (name: string) => (environment[name.toLowerCase()] || environment[name])?.trim() || undefined;
  return { http: read('HTTP_PROXY'), https: read('HTTPS_PROXY'), none: read('NO_PROXY') ?? '' };
}

/**
 * Fills in the references of one text; undefined if it has none. An empty variable counts as not set if it has a
 * default or is the whole text; within a longer text it is replaced by nothing.
 */
export function expand(text: string, environment: Environment): Expansion | undefined {
  const names: string[] = [];
  const unset: string[] = [];
  const filled = text.replace(REFERENCE, (reference, name: string, fallback: string | undefined) => {
    names.push(name);
    const value = environment[name];
    if (fallback !== undefined) return value === undefined || value === '' ? fallback.slice(2) : value;
    if (value === undefined || (value === '' && reference === text)) unset.push(name);
    return value ?? '';
  });
  if (names.length === 0) return undefined;
  return { text: unset.length > 0 ? undefined : filled, names, unset };
}

/** A text from the environment or a flag as a number or a boolean; undefined if it is neither. */
export function converted(text: string, wanted: 'number' | 'boolean'): number | boolean | undefined {
  if (wanted === 'number') return /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : undefined;
  if (/^(true|1|yes|on)$/i.test(text.trim())) return true;
  return /^(false|0|no|off)$/i.test(text.trim()) ? false : undefined;
}

// An unquoted YAML text may not hold braces in flow style, nor ': ' or ' #' anywhere. For parsing, these characters are
// replaced in references by characters of the private use area, one by one, so that positions stay right.
const PLAIN = '{}[],:#';
const DISGUISE = '\uE0E0\uE0E1\uE0E2\uE0E3\uE0E4\uE0E5\uE0E6';

/** Replaces the characters that YAML would misread in references. The text keeps its length. */
export function disguiseReferences(yaml: string): string {
  return yaml.replace(REFERENCE, (reference) =>
    reference.replace(/[{}[\],:#]/g, (char) => DISGUISE.charAt(PLAIN.indexOf(char))),
  );
}

/** Undoes `disguiseReferences`. */
export function restoreReferences(text: string): string {
  return text.replace(/[\uE0E0-\uE0E6]/g, (char) => PLAIN.charAt(DISGUISE.indexOf(char)));
}
