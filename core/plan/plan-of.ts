import { limitsOf } from '../approach/options.ts';
import type { Approach } from '../approach/types.ts';
import { isRecord } from '../bytes/json.ts';
import type { Changes } from '../bytes/payload.ts';
import type { Clock } from '../clock.ts';
import { gatewayError } from '../errors.ts';
import type { ChatExchange, Plan } from '../exchange/exchange.ts';
import { Allowance, type Budget } from '../exchange/ledger.ts';
import { createStamp } from '../run/merge.ts';
import type { Kit } from '../run/next.ts';
import { createRun, type Step } from '../run/run.ts';
import type { Upstreams } from '../upstream/upstreams.ts';
import type { ChatRequest } from '../wire/chat/chat-types.ts';
import { destinationOf } from './destination.ts';
import { printExpression, type Expression } from './expression.ts';
import type { ClientWish } from './read-wish.ts';
import type { ApproachRegistry } from './registry.ts';
import { lowerBudget, NO_OPTIONS, type RequestOptions } from './request-options.ts';

/** What planning a chat needs besides the request. */
export interface PlanContext {
  readonly registry: ApproachRegistry;
  readonly upstreams: Upstreams;
  readonly settings: { readonly limits: Budget; readonly defaultN?: number | undefined };
  readonly clock: Clock;
  readonly kit: Kit;
  /** Runs a plain call within the server's limits. All requests that ask for nothing else share it. */
  readonly plainRun: Plan['run'];
  /** The expression of requests that select none. */
  readonly byDefault: Expression;
}

type Branches = readonly (readonly Step[])[];

/** Makes a plan of a chat request's wish. A request without marks keeps the client's bytes. Throws a 400 or 404. */
export function planOf(exchange: ChatExchange, wish: ClientWish, context: PlanContext): Plan {
  const { registry, upstreams, settings, clock, kit, plainRun, byDefault } = context;
  const { options } = wish;
  const expression = wish.expression ?? byDefault;
  if (wish.model === undefined) throw gatewayError('missing_required_parameter', { param: 'model' });
  const { upstream, model } = destinationOf(exchange, wish.model, upstreams);
  const branches = expression.map((slugs) => stepsOf(slugs, registry, options));
  const isPlain = branches.length === 1 && branches[0]?.length === 0;
  const request = requestOf(wish, { model, n: isPlain ? undefined : choicesOf(wish.request.value, settings.defaultN) });
  const approach = printExpression(expression);
  if (isPlain && options === NO_OPTIONS) {
    const { limits } = settings;
    return { ...PLAIN_CALL, upstream, request, approach, budget: limits, run: plainRun };
  }

  if (!isPlain) checkReadable(wish.request.value.messages);
  const isSingleCall = isOneCall(branches);
  const budget = lowerBudget(settings.limits, options.budget);
  const stamp = isPlain ? undefined : createStamp(model, clock);
  const { isTop, reduce, wantsTrace, wantsProgress } = options;
  const steps = branches.flat();
  const otherModels = steps.flatMap((step) => step.approach.models?.(step.options) ?? []);
  return {
    upstream,
    request,
    approach,
    isSingleCall,
    options: {
      ...Object.fromEntries(steps.map((step) => [step.approach.slug, step.options])),
      ...(isTop ? { n: 'top' } : {}),
      ...(reduce ? { reduce } : {}),
    },
    budget,
    run: createRun({ branches, isSingleCall, clock, kit, budget, isTop, reduce, stamp }),
    wantsTrace,
    wantsProgress,
    stamp,
    otherModels,
  };
}

const PLAIN_CALL = {
  isSingleCall: true,
  options: Object.freeze({}),
  wantsTrace: false,
  wantsProgress: true,
  stamp: undefined,
} as const;

/** The request without marks, with the model's name at the upstream and, where it applies, the server's default `n`. */
function requestOf(
  { request, changes }: ClientWish,
  { model, n }: { readonly model: string; readonly n: number | undefined },
) {
  const all: Changes<ChatRequest> = {
    ...changes,
    ...(model === request.value.model ? {} : { model }),
    ...(n === undefined ? {} : { n }),
  };
  return Object.keys(all).length > 0 ? request.with(all) : request;
}

/** The steps of one branch: empty for `none`. */
function stepsOf(slugs: readonly string[], registry: ApproachRegistry, { options }: RequestOptions): Step[] {
  return slugs.flatMap((slug) => {
    const approach = slug === 'none' ? undefined : registry.get(slug);
    return approach ? [stepOf(approach, options.get(slug) ?? approach.defaults)] : [];
  });
}

function stepOf(approach: Approach, options: object): Step {
  const limits = limitsOf(options);
  const isLimited = limits.maxCalls !== undefined || limits.maxTokens !== undefined;
  return {
    approach,
    options,
    allowance: isLimited ? new Allowance(limits) : undefined,
    deadlineMs: limits.deadlineMs,
  };
}

/** Do the branches make at most one upstream call per choice? */
function isOneCall(branches: Branches): boolean {
  const [steps = []] = branches;
  const answerers = steps.filter(({ approach }) => approach.kind === 'answerer');
  if (branches.length > 1 || answerers.length > 1 || answerers.some(({ approach }) => !approach.isSingleCall))
    return false;
  // A transformer after the answerer wraps a second call: the one that improves the answer.
  return answerers.length === 0 || steps.at(-1)?.approach.kind === 'answerer';
}

/**
 * The server's default `n` if the client gave none, else undefined. Throws a 400 if the client's is not from 1 to 128.
 */
function choicesOf({ n }: ChatRequest, defaultN: number | undefined): number | undefined {
  if (n === undefined || n === null) return defaultN === 1 ? undefined : defaultN;
  if (!Number.isInteger(n) || n < 1 || n > 128)
    throw gatewayError('invalid_value', { param: 'n', detail: 'expected an integer from 1 to 128' });
  return undefined;
}

/** Throws a 400 that names the first message an approach could not read. For a plain call the upstream checks them. */
function checkReadable(messages: readonly unknown[]): void {
  for (const [index, message] of messages.entries()) {
    const refuse = (detail: string) => gatewayError('invalid_value', { param: `messages[${index}]`, detail });
    if (!isRecord(message) || typeof message['role'] !== 'string') throw refuse('expected an object with a role');
    const calls = message['tool_calls'] ?? [];
    if (!Array.isArray(calls) || !calls.every(isRecord)) throw refuse('expected an array of objects as tool_calls');
  }
}
