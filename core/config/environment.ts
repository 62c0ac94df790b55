/** `${NAME}` and `${NAME:-default}` in the file's values. The one place that reads the process's environment. */

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Expansion {
  /** Undefined where a name without a default is not set: the key then counts as not written. */
  readonly text: string | undefined;
  /** The names it refers to, in order. */
  readonly names: readonly string[];
  readonly unset: readonly string[];
}

const REFERENCE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(:-[^}\r\n]*)?\}/g;

export function processEnvironment(): Environment {
  return process.env;
}

export function isProduction(environment: Environment): boolean {
  return environment['NODE_ENV'] === 'production';
}

/**
 * Fills the references of one text. An empty variable is like one not set where it would be the whole text, or where
 * there is a default; inside a longer text it is replaced by nothing. Undefined where the text has no reference.
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

/**
 * What a text from the environment or a flag may mean where a number or a boolean is wanted; undefined where it can
 * only be a text.
 */
export function converted(text: string, wanted: 'number' | 'boolean'): number | boolean | undefined {
  if (wanted === 'number') return /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : undefined;
  if (/^(true|1|yes|on)$/i.test(text.trim())) return true;
  return /^(false|0|no|off)$/i.test(text.trim()) ? false : undefined;
}

// A plain YAML text may not hold braces in flow style, nor ': ' or ' #' anywhere. While the file is parsed, references
// wear characters of the private use area instead, one for one, so that positions stay true.
const PLAIN = '{}[],:#';
const DISGUISE = '\uE0E0\uE0E1\uE0E2\uE0E3\uE0E4\uE0E5\uE0E6';

export function disguiseReferences(yaml: string): string {
  return yaml.replace(REFERENCE, (reference) =>
    reference.replace(/[{}[\],:#]/g, (char) => DISGUISE.charAt(PLAIN.indexOf(char))),
  );
}

export function restoreReferences(text: string): string {
  return text.replace(/[\uE0E0-\uE0E6]/g, (char) => PLAIN.charAt(DISGUISE.indexOf(char)));
}
