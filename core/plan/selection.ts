import type { Clock } from '../clock.ts';
import { gatewayError, type GatewayError } from '../errors.ts';
import type { ChatExchange, Exchange, Plan } from '../exchange/exchange.ts';
import type { ChatRequest } from '../wire/chat/chat-types.ts';
import type { Changes, Payload } from '../bytes/payload.ts';
import { mayUse } from '../upstream/allowed-models.ts';
import type { Upstreams } from '../upstream/upstreams.ts';
import { Capabilities } from '../run/capabilities.ts';
import { destinationOf } from './destination.ts';
import { parseExpression, PLAIN, printExpression, type Expression } from './expression.ts';
import {
  controlFields,
  isListedModel,
  mayHavePrefix,
  mayHaveTag,
  splitModel,
  withoutTags,
  type SplitModel,
} from './marks.ts';
import { limitsOf } from '../approach/options.ts';
import { planOther } from './other-operations.ts';
import { checkReadable } from './readable.ts';
import type { ApproachRegistry } from './registry.ts';
import { lowerBudget, NO_OPTIONS, readOptions, type RequestOptions } from './request-options.ts';
import type { SelectedPlan } from './selected-plan.ts';
import { createRun, createStamp, type Step } from '../run/run.ts';
import type { Approach } from '../approach/types.ts';
import { type Budget, Allowance } from '../exchange/ledger.ts';

export interface SelectionSettings {
  /** For chat requests that name no model. */
  readonly model?: string | undefined;
  /** The expression for requests that select none; `auto` or absent = a plain call. */
  readonly approach?: string | undefined;
  /** May messages select an approach? Tags are removed in any case. */
  readonly tags: boolean;
  readonly limits: Budget;
  /** Choices where a request gives no `n` and an approach runs. */
  readonly defaultN?: number | undefined;
}

export interface SelectionInit {
  readonly registry: ApproachRegistry;
  readonly upstreams: Upstreams;
  readonly settings: SelectionSettings;
  readonly clock: Clock;
  /** What models refuse; handed in so that it outlasts a reload. */
  readonly capabilities?: Capabilities;
}

export type Selection = (exchange: Exchange) => SelectedPlan | Promise<SelectedPlan>;

/** What one request named, before anything is resolved. */
interface Named {
  readonly request: Payload<ChatRequest>;
  readonly changes: Changes<ChatRequest>;
  readonly expression: Expression | undefined;
  readonly options: RequestOptions;
}

/**
 * Core's own `plan`: which upstream, model and approaches. Everything that marks a request is
 * taken out of it; a request without marks keeps its very bytes. Throws at once when the server's own approach is unknown.
 */
export function createSelection(init: SelectionInit): Selection {
  const { registry, upstreams, settings, clock } = init;
  const kit = {
    capabilities: init.capabilities ?? new Capabilities(),
    destination: (exchange: Exchange, name: string) => destinationOf(exchange, name, upstreams),
    clock,
  };
  const byDefault = readSource(settings.approach, registry, 'approach');
  const isListed = (slug: string) => slug === 'none' || registry.get(slug) !== undefined;
  const plainRun = createRun({
    branches: [[]],
    isSingleCall: true,
    clock,
    kit,
    budget: settings.limits,
    isTop: false,
    stamp: undefined,
  });

  const selectChat = (exchange: ChatExchange): SelectedPlan | Promise<SelectedPlan> => {
    const { request } = exchange;
    const { value } = request;
    checkMessages(value);
    const model = modelOf(value) ?? settings.model;
    if (model === undefined) throw gatewayError('missing_required_parameter', { param: 'model' });
    const header = exchange.client.headers['x-optigate-approach'];
    const fields = controlFields(value, registry.flatOptions);
    const hasTag = mayHaveTag(request.bytes);
    const isPlain = fields === undefined && header === undefined && !hasTag && byDefault === undefined;
    const isSplit = mayHavePrefix(model, isListed);
    if (isPlain && !isSplit) return planPlain(exchange, model);

    const named = isPlain
      ? { request, changes: {}, expression: undefined, options: NO_OPTIONS }
      : readMarks(exchange, fields, hasTag);
    if (!isSplit) return planNamed(exchange, named, { prefix: undefined, model });
    const isModel = async (name: string) =>
      name === settings.model || (await isListedModel(name, upstreams, exchange.signal));
    return splitModel(model, isListed, isModel).then((split) => planNamed(exchange, named, split));
  };

  /** Nothing was asked for: the client's own bytes, but for a model's name. */
  const planPlain = (exchange: ChatExchange, name: string): SelectedPlan => {
    const { upstream, model } = destinationOf(exchange, name, upstreams);
    if (!mayUse(exchange.identity, upstream, model)) throw gatewayError('model_not_allowed', { model });
    const request = model === exchange.request.value.model ? exchange.request : exchange.request.with({ model });
    return {
      upstream,
      request,
      approach: 'none',
      isSingleCall: true,
      options: NOTHING,
      budget: settings.limits,
      run: plainRun,
      wantsTrace: false,
      wantsProgress: true,
      stamp: undefined,
    };
  };

  /** Reads every mark and takes it out; the strongest source but the model's prefix, which comes between, is found later. */
  const readMarks = (
    exchange: ChatExchange,
    fields: readonly string[] | undefined,
    hasTag: boolean,
  ): Named & Sources => {
    const { request } = exchange;
    const changes: Record<string, unknown> = {};
    for (const field of fields ?? []) changes[field] = undefined;
    const untagged = hasTag ? withoutTags(request.value.messages) : { messages: request.value.messages, tags: [] };
    if (untagged.tags.length > 0) {
      if (untagged.messages.length === 0)
        throw gatewayError('invalid_value', { param: 'messages', detail: 'nothing is left beside the approach tag' });
      changes['messages'] = untagged.messages;
    }
    const header = exchange.client.headers['x-optigate-approach'];
    const strong =
      readSource(request.value['optillm_approach'], registry, 'optillm_approach') ??
      readSource(typeof header === 'string' ? header : header?.[0], registry, 'x-optigate-approach');
    return {
      request,
      changes,
      expression: strong,
      options: fields === undefined ? NO_OPTIONS : readOptions(request.value, registry),
      tags: settings.tags ? untagged.tags : [],
    };
  };

  const planNamed = (exchange: ChatExchange, named: Named & Partial<Sources>, split: SplitModel): SelectedPlan => {
    const expression = named.expression ?? split.prefix ?? tagged(named.tags ?? [], registry) ?? byDefault ?? PLAIN;
    const name = split.model === '' ? settings.model : split.model;
    if (name === undefined) throw gatewayError('missing_required_parameter', { param: 'model' });
    const { upstream, model } = destinationOf(exchange, name, upstreams);
    const steps = expression.map((slugs) => stepsOf(slugs, registry, named.options));
    checkRights(exchange, upstream, model, steps);
    if (!isPlainCall(steps)) checkReadable(named.request.value.messages);

    const isSingleCall = isOneCall(steps);
    const n = choicesOf(named.request.value, settings.defaultN, isPlainCall(steps));
    const changes: Changes<ChatRequest> = {
      ...named.changes,
      ...(model === named.request.value.model ? {} : { model }),
      ...(n === undefined ? {} : { n }),
    };
    const request = Object.keys(changes).length > 0 ? named.request.with(changes) : named.request;
    const budget = lowerBudget(settings.limits, named.options.budget);
    const stamp = isPlainCall(steps) ? undefined : createStamp(model, clock);
    const { isTop, reduce, wantsTrace, wantsProgress } = named.options;
    return {
      upstream,
      request,
      approach: printExpression(expression),
      isSingleCall,
      options: {
        ...Object.fromEntries(steps.flat().map(({ approach, options }) => [approach.slug, options])),
        ...(isTop ? { n: 'top' } : {}),
        ...(reduce ? { reduce } : {}),
      },
      budget,
      run: createRun({ branches: steps, isSingleCall, clock, kit, budget, isTop, reduce, stamp }),
      wantsTrace,
      wantsProgress,
      stamp,
    };
  };

  const checkRights = (
    exchange: Exchange,
    upstream: Plan['upstream'],
    model: string,
    steps: readonly (readonly Step[])[],
  ) => {
    if (!mayUse(exchange.identity, upstream, model)) throw gatewayError('model_not_allowed', { model });
    for (const { approach, options } of steps.flat()) {
      for (const name of approach.models?.(options) ?? []) {
        const other = destinationOf(exchange, name, upstreams);
        if (!mayUse(exchange.identity, other.upstream, other.model))
          throw gatewayError('model_not_allowed', { model: name });
      }
    }
  };

  return (exchange) =>
    exchange.operation === 'chat'
      ? selectChat(exchange)
      : { ...planOther(exchange, upstreams, plainRun), budget: settings.limits };
}

interface Sources {
  readonly tags: readonly string[];
}

const NOTHING: Readonly<Record<string, unknown>> = Object.freeze({});

/** One source's expression; undefined where it names nothing (`auto` included). */
function readSource(source: unknown, registry: ApproachRegistry, param: string): Expression | undefined {
  if (source === undefined || source === null) return undefined;
  if (typeof source !== 'string')
    throw gatewayError('invalid_value', { param, detail: 'expected a text such as re2&moa' });
  const text = source.trim();
  if (text === '' || text.toLowerCase() === 'auto') return undefined;
  return parseExpression(text, ['none', ...registry.slugs.filter((slug) => slug !== 'none')], param);
}

function tagged(tags: readonly string[], registry: ApproachRegistry): Expression | undefined {
  for (const tag of tags) {
    const expression = readSource(tag, registry, 'messages');
    if (expression) return expression;
  }
  return undefined;
}

/** The steps of one branch; none of them for `none`. */
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

function isPlainCall(steps: readonly (readonly Step[])[]): boolean {
  return steps.length === 1 && steps[0]?.length === 0;
}

function isOneCall(branches: readonly (readonly Step[])[]): boolean {
  const [steps = []] = branches;
  const answerers = steps.filter(({ approach }) => approach.kind === 'answerer');
  if (branches.length > 1 || answerers.length > 1 || answerers.some(({ approach }) => !approach.isSingleCall))
    return false;
  // A transformer after the answerer wraps a call of its own.
  return answerers.length === 0 || steps.at(-1)?.approach.kind === 'answerer';
}

/** The `n` to splice in, if the server's default applies. Throws where an approach could not count by the client's. */
function choicesOf({ n }: ChatRequest, defaultN: number | undefined, isPlain: boolean): number | undefined {
  if (isPlain) return undefined;
  if (n === undefined || n === null) return defaultN === 1 ? undefined : defaultN;
  if (!Number.isInteger(n) || n < 1 || n > 128)
    throw gatewayError('invalid_value', { param: 'n', detail: 'expected an integer from 1 to 128' });
  return undefined;
}

function modelOf({ model }: { readonly model?: unknown }): string | undefined {
  if (model === undefined || model === null || model === '') return undefined;
  if (typeof model !== 'string')
    throw gatewayError('invalid_value', { param: 'model', detail: 'expected the name of a model' });
  return model;
}

function checkMessages({ messages }: { readonly messages?: unknown }): void {
  if (messages === undefined || messages === null)
    throw gatewayError('missing_required_parameter', { param: 'messages' });
  const complaint = (detail: string): GatewayError => gatewayError('invalid_value', { param: 'messages', detail });
  if (!Array.isArray(messages)) throw complaint('expected an array of messages');
  if (messages.length === 0) throw complaint('expected at least one message');
}
