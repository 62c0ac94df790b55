/** Checks a value against a zod schema, and says what is wrong in words that a user of the file understands. */
import type { z } from 'zod';
import { converted } from './environment.ts';
import { describeSchema, knownKeys, schemaAt, toJsonSchema, type JsonSchema } from './expectation.ts';
import { printValue, type Path } from './problems.ts';
import { unknownKey } from './unknown-key.ts';

type Issue = z.core.$ZodIssue;

/** A problem without its place in the file. */
export interface Finding {
  readonly path: Path;
  readonly message: string;
  /** The key is wrong, not its value. */
  readonly isKey?: boolean;
  /** The value is missing, or is a variable that is not set. */
  readonly isMissing?: boolean;
}

/** The value with the schema's defaults and transforms applied, or what is wrong with it. */
export type Checked<T> = { readonly data: T } | { readonly findings: readonly Finding[] };

/** What checking needs to know besides the schema. */
export interface CheckOptions {
  /** Does the text at this path come from the environment or a flag? Then it may stand for a number or a boolean. */
  readonly isText: (path: Path) => boolean;
  /** Does the value at this path come from the environment? Then no message shows it. */
  readonly isHidden?: (path: Path) => boolean;
  /** Keys to suggest besides the schema's own. */
  readonly alsoKnown?: readonly string[];
}

/**
 * Checks a value against a schema. Texts from outside the file are converted to numbers or booleans only if the check
 * fails without that.
 */
export function checkBySchema<S extends z.ZodType>(
  schema: S,
  value: unknown,
  options: CheckOptions,
): Checked<z.output<S>> {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return { data: result.data };
  const { issues } = result.error;
  const texts = textsUnder(value, issues, options);
  if (texts.length === 0) return findings(schema, value, issues, options);

  const again = convertTexts(value, texts, issues);
  const retried = schema.safeParse(again, { reportInput: true });
  if (retried.success) return { data: retried.data };
  // Where conversion did not help, the message shows the value as it was written.
  const asWritten = retried.error.issues.map(
    (issue) => issues.find((first) => samePath(first.path, issue.path)) ?? issue,
  );
  return findings(schema, value, asWritten, options);
}

function findings(
  schema: z.ZodType,
  value: unknown,
  issues: readonly Issue[],
  options: CheckOptions,
): { findings: Finding[] } {
  const jsonSchema = toJsonSchema(schema);
  return { findings: issues.flatMap((issue) => toFindings(issue, [], { jsonSchema, value, options })) };
}

interface Context {
  readonly jsonSchema: JsonSchema;
  readonly value: unknown;
  readonly options: CheckOptions;
}

function toFindings(issue: Issue, prefix: Path, context: Context): Finding[] {
  const path = [...prefix, ...toPath(issue.path)];
  const place = schemaAt(context.jsonSchema, path);
  if (issue.code === 'unrecognized_keys') {
    const known = [...knownKeys(place), ...(path.length === 0 ? (context.options.alsoKnown ?? []) : [])];
    return issue.keys.map((key) => ({ path: [...path, key], isKey: true, message: unknownKey(key, known) }));
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const deepest = bestBranch(issue.errors);
    if (deepest) return deepest.flatMap((inner) => toFindings(inner, path, context));
  }
  if (issue.code === 'invalid_key') {
    const [reason] = issue.issues;
    const names = schemaAt(context.jsonSchema, path.slice(0, -1))?.propertyNames;
    return [
      {
        path,
        isKey: true,
        message: `not a valid name here: expected ${(names && describeSchema(names)) || reason?.message}`,
      },
    ];
  }
  const actual = valueAt(context.value, path);
  const expected = issue.code === 'custom' ? issue.message : (place && describeSchema(place)) || issue.message;
  const isHidden = context.options.isHidden?.(path) ?? false;
  if (actual === undefined) return [{ path, isMissing: true, message: `missing, expected ${expected}` }];
  return [{ path, message: `expected ${expected}, got ${printValue(actual, path, isHidden)}` }];
}

/**
 * The issues of the union's alternative that fits best: of those that fail in their members only, the one with the
 * fewest.
 */
function bestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const inside = branches.filter((issues) =>
    issues.every(({ path, code }) => path.length > 0 || code === 'unrecognized_keys'),
  );
  return inside.toSorted((a, b) => a.length - b.length)[0];
}

/** The paths of texts from outside the file that are at or below the place of an issue. */
function textsUnder(value: unknown, issues: readonly Issue[], { isText }: CheckOptions): Path[] {
  const found: Path[] = [];
  const walk = (node: unknown, path: Path) => {
    if (typeof node === 'string' && isText(path)) found.push(path);
    if (typeof node !== 'object' || node === null) return;
    for (const [key, child] of Object.entries(node)) walk(child, [...path, Array.isArray(node) ? Number(key) : key]);
  };
  for (const { path } of issues) {
    const place = toPath(path);
    walk(valueAt(value, place), place);
  }
  return found;
}

function convertTexts(value: unknown, texts: readonly Path[], issues: readonly Issue[]): unknown {
  const copy = structuredClone(value);
  for (const path of texts) {
    const text = valueAt(copy, path);
    const parent = valueAt(copy, path.slice(0, -1));
    const key = path.at(-1);
    if (typeof text !== 'string' || typeof parent !== 'object' || parent === null || key === undefined) continue;
    const wantsBoolean = issues.some(
      (issue) => issue.code === 'invalid_type' && issue.expected === 'boolean' && samePath(issue.path, path),
    );
    const replacement = wantsBoolean ? converted(text, 'boolean') : (converted(text, 'number') ?? onlyWords(text));
    if (replacement !== undefined) Object.assign(parent, { [key]: replacement });
  }
  return copy;
}

/** `true` and `false` only: in a union, `on` or `1` may mean something else than a boolean. */
function onlyWords(text: string): boolean | undefined {
  return text === 'true' ? true : text === 'false' ? false : undefined;
}

function samePath(a: readonly PropertyKey[], b: readonly PropertyKey[]): boolean {
  return a.length === b.length && a.every((step, depth) => step === b[depth]);
}

function toPath(path: readonly PropertyKey[]): Path {
  return path.map((step) => (typeof step === 'number' ? step : String(step)));
}

/** The value at a path; undefined if there is none. */
export function valueAt(value: unknown, path: Path): unknown {
  let node = value;
  for (const step of path) {
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, step)) return undefined;
    node = (node as Readonly<Record<string | number, unknown>>)[step];
  }
  return node;
}
