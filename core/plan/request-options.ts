import { z } from 'zod';
import { capsOf, isServerOnly, limitsOf } from '../approach/options.ts';
import type { Approach } from '../approach/types.ts';
import { isRecord } from '../bytes/json.ts';
import { checkBySchema } from '../config/check.ts';
import { gatewayError, type GatewayError } from '../errors.ts';
import type { Budget } from '../exchange/ledger.ts';
import { nearest } from '../nearest.ts';
import type { Reducer } from '../run/reduce.ts';
import type { ChatRequest } from '../wire/chat/chat-types.ts';
import { optionNames, type ApproachRegistry } from './registry.ts';
import { CONTROL_KEYS } from './reserved-names.ts';

/** The options of one request, checked: those of approaches, and those of the answer as a whole. */
export interface RequestOptions {
  /**
   * Slug → complete options: the file's with the request's over them. Holds only approaches that the request sets
   * options of.
   */
  readonly options: ReadonlyMap<string, object>;
  readonly budget: Budget;
  readonly wantsTrace: boolean;
  readonly wantsProgress: boolean;
  /** `n: top`: an approach that selects returns the n best of one pool, instead of running n times. */
  readonly isTop: boolean;
  /** How the branches of `a|b` become one choice; undefined = each branch is a choice. */
  readonly reduce: Reducer | undefined;
}

/** The options of a request that sets none. */
export const NO_OPTIONS: RequestOptions = Object.freeze({
  options: new Map<string, object>(),
  budget: {},
  wantsTrace: false,
  wantsProgress: true,
  isTop: false,
  reduce: undefined,
});

const count = z.int().min(1);
const controls = z.object({
  max_calls: count.nullish(),
  max_tokens: count.nullish(),
  deadline: z
    .union([count, z.string().regex(/^\d+(?:\.\d+)?(?:ms|s|m|h)$/)])
    .meta({ title: 'duration', examples: ['500ms', '30s', '10m', '1h'] })
    .nullish(),
  trace: z.boolean().nullish(),
  progress: z.boolean().nullish(),
  n: z.literal('top', "only 'top', the best of one pool, can be asked for").nullish(),
  reduce: z.enum(['all', 'vote', 'judge']).nullish(),
});
type Controls = z.output<typeof controls>;

/** Reads the body's field `optigate` and its flat options. Throws a 400 that names the field. */
export function readOptions(request: ChatRequest, registry: ApproachRegistry): RequestOptions {
  const given: unknown = request['optigate'] ?? {};
  if (!isRecord(given)) throw invalid('optigate', 'expected an object');
  const known = [...CONTROL_KEYS, ...registry.slugs];
  const unknown = Object.keys(given).find((key) => !known.includes(key));
  if (unknown !== undefined && registry.isUnlisted(unknown))
    throw invalid(`optigate.${unknown}`, `'${unknown}' is built in but not listed under plugins`);
  if (unknown !== undefined) throw invalid(`optigate.${unknown}`, suggestion('unknown key', unknown, known));
  const parsed = controls.safeParse(given);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(`optigate.${issue?.path.join('.')}`, expectationOf(controls, given) ?? 'not valid');
  }
  const { trace, progress, n, reduce } = parsed.data;
  return {
    options: approachOptions(request, given, registry),
    budget: budgetOf(parsed.data),
    wantsTrace: trace ?? false,
    wantsProgress: progress ?? true,
    isTop: n === 'top',
    reduce: reduce === 'vote' || reduce === 'judge' ? reduce : undefined,
  };
}

/** The lower limit of each kind; a limit that only one budget has counts, too. */
export function lowerBudget(a: Budget, b: Budget): Budget {
  const lower: { -readonly [K in keyof Budget]: Budget[K] } = { ...a };
  for (const key of ['maxCalls', 'maxTokens', 'deadlineMs'] as const) {
    const other = b[key];
    if (other !== undefined) lower[key] = Math.min(lower[key] ?? Infinity, other);
  }
  return lower;
}

/** Collects each approach's options from the three places where a body may set them, the strongest last. */
function approachOptions(
  request: ChatRequest,
  given: Readonly<Record<string, unknown>>,
  registry: ApproachRegistry,
): ReadonlyMap<string, object> {
  // `fields` says where the request set each value, for errors.
  const collected = new Map<string, { values: Record<string, unknown>; fields: Map<string, string> }>();
  const entryOf = (slug: string) => {
    const found = collected.get(slug) ?? { values: {}, fields: new Map<string, string>() };
    collected.set(slug, found);
    return found;
  };
  const addObject = (slug: string, field: string, written: unknown) => {
    if (!isRecord(written)) throw invalid(field, 'expected an object of options');
    const { values, fields } = entryOf(slug);
    for (const [name, value] of Object.entries(written)) {
      values[name] = value;
      fields.set(name, `${field}.${name}`);
    }
  };
  // From the weakest form to the strongest: flat options, `<slug>_config`, `optigate.<slug>`.
  const flat = Object.keys(request).filter((field) => request[field] !== null && registry.flatOptions.has(field));
  for (const field of flat) {
    for (const { slug, option } of registry.flatOptions.get(field) ?? []) {
      if (option === undefined) continue;
      const { values, fields } = entryOf(slug);
      values[option] = request[field];
      fields.set(option, field);
    }
  }
  for (const field of flat) {
    for (const { slug, option } of registry.flatOptions.get(field) ?? [])
      if (option === undefined) addObject(slug, field, request[field]);
  }
  for (const slug of registry.slugs) {
    const nested = given[slug];
    if (nested !== undefined && nested !== null) addObject(slug, `optigate.${slug}`, nested);
  }
  const options = new Map<string, object>();
  for (const [slug, { values, fields }] of collected) {
    const approach = registry.get(slug);
    if (approach) options.set(slug, checked(approach, values, fields));
  }
  return options;
}

/**
 * The file's options with the request's over them, checked by the same schema. Throws a 400 for a value above the
 * file's cap; limits above the file's are lowered to it.
 * @param fields  Option → the field of the request that sets it, for errors.
 */
function checked(
  approach: Approach,
  values: Readonly<Record<string, unknown>>,
  fields: ReadonlyMap<string, string>,
): object {
  const { defaults, schema, slug } = approach;
  const fieldOf = (name: string) => fields.get(name) ?? `optigate.${slug}.${name}`;
  const refused = Object.keys(values).find((name) => isServerOnly(schema, name));
  if (refused !== undefined) throw invalid(fieldOf(refused), 'only the server may set it');
  for (const [name, cap] of Object.entries(capsOf(defaults))) {
    const value = values[name];
    if (typeof value === 'number' && value > cap) throw invalid(fieldOf(name), `expected at most ${cap} here`);
  }
  const given = { ...defaults, ...values };
  const result = schema.safeParse(given);
  if (!result.success) {
    const [issue] = result.error.issues;
    if (issue?.code === 'unrecognized_keys' && issue.path.length === 0) {
      const key = issue.keys[0] ?? '';
      throw invalid(fieldOf(key), suggestion('unknown option', key, optionNames(schema)));
    }
    const [name = '', ...inner] = (issue?.path ?? []).map(String);
    const isUnknown = issue?.code === 'unrecognized_keys';
    const place = [fieldOf(name), ...inner, ...(isUnknown ? issue.keys.slice(0, 1) : [])].join('.');
    throw invalid(place, isUnknown ? 'unknown key' : (expectationOf(schema, given) ?? 'not valid'));
  }
  if (values['limits'] === undefined) return result.data;
  const { maxCalls, maxTokens, deadlineMs } = lowerBudget(limitsOf(defaults), limitsOf(result.data));
  return { ...result.data, limits: { max_calls: maxCalls, max_tokens: maxTokens, deadline: deadlineMs } };
}

function budgetOf({ max_calls, max_tokens, deadline }: Controls): Budget {
  return {
    ...(max_calls ? { maxCalls: max_calls } : {}),
    ...(max_tokens ? { maxTokens: max_tokens } : {}),
    ...(deadline ? { deadlineMs: durationMs(deadline) } : {}),
  };
}

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

function durationMs(value: string | number): number {
  if (typeof value === 'number') return value;
  const unit = /ms|s|m|h/.exec(value)?.[0];
  return Number.parseFloat(value) * UNITS[unit === 'ms' || unit === 's' || unit === 'm' ? unit : 'h'];
}

/** What is wrong with the first value that is, as the file's errors say it: `expected integer from 1 to 32, got 50`. */
function expectationOf(schema: z.ZodType, given: object): string | undefined {
  const checked = checkBySchema(schema, given, { isText: () => false });
  return 'findings' in checked ? checked.findings.find(({ isKey }) => isKey !== true)?.message : undefined;
}

function suggestion(what: string, key: string, known: readonly string[]): string {
  const hint = nearest(key, known);
  return hint === undefined ? what : `${what}, did you mean '${hint}'?`;
}

function invalid(param: string, detail: string): GatewayError {
  return gatewayError('invalid_value', { param, detail });
}
