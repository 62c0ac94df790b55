import { z } from 'zod';
import { gatewayError, type GatewayError } from '../errors.ts';
import type { ChatRequest } from '../openai/types.ts';
import type { Budget } from './budget.ts';
import { nearest } from './expression.ts';
import type { ApproachRegistry } from './registry.ts';
import type { Approach } from './types.ts';
import { CONTROL_KEYS } from './wire-fields.ts';

/** What a request says about how it is to be answered, checked. */
export interface RequestOptions {
  /** Options per approach as the request gives them: complete, merged over the file's. Only those it names. */
  readonly options: ReadonlyMap<string, object>;
  readonly budget: Budget;
  readonly wantsTrace: boolean;
  readonly wantsProgress: boolean;
  /** `n: top`: the n best of one pool instead of n whole runs. */
  readonly isTop: boolean;
}

export const NO_OPTIONS: RequestOptions = Object.freeze({
  options: new Map<string, object>(),
  budget: {},
  wantsTrace: false,
  wantsProgress: true,
  isTop: false,
});

const count = z.int().min(1);
const A_DURATION = 'expected a duration such as 30s, or milliseconds';
const controls = z.object({
  max_calls: count.nullish(),
  max_tokens: count.nullish(),
  deadline: z.union([count, z.string().regex(/^\d+(?:\.\d+)?(?:ms|s|m|h)$/, A_DURATION)], A_DURATION).nullish(),
  trace: z.boolean().nullish(),
  progress: z.boolean().nullish(),
  n: z.literal('top', "only 'top', the best of one pool, can be asked for").nullish(),
  reduce: z.literal('all', "only 'all' is offered: one choice per branch").nullish(),
});
type Controls = z.output<typeof controls>;

/** Reads `optigate: { … }` and the flat option names. Throws a 400 that names the field. */
export function readOptions(request: ChatRequest, registry: ApproachRegistry): RequestOptions {
  const given: unknown = request['optigate'] ?? {};
  if (!isRecord(given)) throw invalid('optigate', 'expected an object');
  const known = [...CONTROL_KEYS, ...registry.slugs];
  const unknown = Object.keys(given).find((key) => !known.includes(key));
  if (unknown !== undefined) throw invalid(`optigate.${unknown}`, suggestion('unknown key', unknown, known));
  const parsed = controls.safeParse(given);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(`optigate.${issue?.path.join('.')}`, issue?.message ?? 'not valid');
  }
  const { trace, progress, n } = parsed.data;
  return {
    options: approachOptions(request, given, registry),
    budget: budgetOf(parsed.data),
    wantsTrace: trace ?? false,
    wantsProgress: progress ?? true,
    isTop: n === 'top',
  };
}

/** The lower of both limits, each. */
export function lowerBudget(a: Budget, b: Budget): Budget {
  const lower: { -readonly [K in keyof Budget]: Budget[K] } = { ...a };
  for (const key of ['maxCalls', 'maxTokens', 'deadlineMs'] as const) {
    const other = b[key];
    if (other !== undefined) lower[key] = Math.min(lower[key] ?? Infinity, other);
  }
  return lower;
}

function approachOptions(
  request: ChatRequest,
  given: Readonly<Record<string, unknown>>,
  registry: ApproachRegistry,
): ReadonlyMap<string, object> {
  const named = new Map<string, { values: Record<string, unknown>; flat: Set<string> }>();
  const entry = (slug: string) => {
    const found = named.get(slug) ?? { values: {}, flat: new Set<string>() };
    named.set(slug, found);
    return found;
  };
  for (const [name, slugs] of registry.flatOptions) {
    if (!Object.hasOwn(request, name) || request[name] === null) continue;
    for (const slug of slugs) {
      const { values, flat } = entry(slug);
      values[name] = request[name];
      flat.add(name);
    }
  }
  for (const slug of registry.slugs) {
    const nested = given[slug];
    if (nested === undefined || nested === null) continue;
    if (!isRecord(nested)) throw invalid(`optigate.${slug}`, 'expected an object of options');
    const { values, flat } = entry(slug);
    for (const [name, value] of Object.entries(nested)) {
      values[name] = value;
      flat.delete(name);
    }
  }
  const options = new Map<string, object>();
  for (const [slug, { values, flat }] of named) {
    const approach = registry.get(slug);
    if (approach) options.set(slug, checked(approach, values, flat));
  }
  return options;
}

/** The file's options with the request's over them, checked like the file's. */
function checked(approach: Approach, values: Readonly<Record<string, unknown>>, flat: ReadonlySet<string>): object {
  const result = approach.schema.safeParse({ ...approach.defaults, ...values });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const prefix = `optigate.${approach.slug}`;
  if (issue?.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? '';
    throw invalid(`${prefix}.${key}`, suggestion('unknown option', key, Object.keys(approach.defaults)));
  }
  const path = (issue?.path ?? []).map(String);
  const isFlat = path[0] !== undefined && flat.has(path[0]);
  throw invalid([...(isFlat ? [] : [prefix]), ...path].join('.'), issue?.message ?? 'not valid');
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

function suggestion(what: string, key: string, known: readonly string[]): string {
  const hint = nearest(key, known);
  return hint === undefined ? what : `${what}, did you mean '${hint}'?`;
}

function invalid(param: string, detail: string): GatewayError {
  return gatewayError('invalid_value', { param, detail });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
