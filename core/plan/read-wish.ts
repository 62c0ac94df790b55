import type { Changes, Payload } from '../bytes/payload.ts';
import { gatewayError, type GatewayError } from '../errors.ts';
import type { ChatExchange } from '../exchange/exchange.ts';
import type { Upstreams } from '../upstream/upstreams.ts';
import type { ChatRequest, Message } from '../wire/chat/chat-types.ts';
import { mayHoldProgress } from '../exchange/progress-mark.ts';
import { parseExpression, type Expression } from './expression.ts';
import { controlFields, createModelTest, mayHavePrefix, splitModel, type SplitModel } from './marks.ts';
import { withoutOwnProgress } from './own-progress.ts';
import type { ApproachRegistry } from './registry.ts';
import { NO_OPTIONS, readOptions, type RequestOptions } from './request-options.ts';
import { hasTag, mayHaveTag, withoutTags, type TagPlace, type Untagged } from './tags.ts';

/** Everything that a chat request says about how it is to be answered. */
export interface ClientWish {
  /** The request, marks included. */
  readonly request: Payload<ChatRequest>;
  /** The changes that remove the marks from the request, so that none goes upstream. */
  readonly changes: Changes<ChatRequest>;
  /** The approaches that the strongest mark selects; undefined = the request selects none. */
  readonly expression: Expression | undefined;
  /**
   * As clients write it, without prefixes; undefined = the name is only prefixes, and the file has no default model.
   */
  readonly model: string | undefined;
  readonly options: RequestOptions;
}

/** What reading a wish needs besides the request. */
export interface WishContext {
  readonly registry: ApproachRegistry;
  readonly upstreams: Upstreams;
  readonly settings: {
    /** The model of chat requests that name none. */
    readonly model?: string | undefined;
    /** Which tags in messages select an approach. Those that open a message are removed either way. */
    readonly tags: TagPlace;
  };
  /** What was logged already, to be logged once. Absent = nothing is logged. */
  readonly notices?: { isIgnoredTagTold: boolean } | undefined;
}

const UNCHANGED: Changes<ChatRequest> = Object.freeze({});

/**
 * Reads the marks that select an approach (the body field, the header, the model's prefix, tags in messages: the first
 * of these wins) and the options. A promise only if an upstream has to be asked for its list of models. Throws a 400
 * that names the field.
 */
export function readWish(exchange: ChatExchange, context: WishContext): ClientWish | Promise<ClientWish> {
  const { registry, settings } = context;
  const { request, client } = exchange;
  const { value } = request;
  checkMessages(value);
  const name = modelOf(value) ?? settings.model;
  if (name === undefined) throw gatewayError('missing_required_parameter', { param: 'model' });
  const fields = controlFields(value, registry.flatOptions);
  const header = client.headers['x-optigate-approach'];
  const untagged = mayHaveTag(request.bytes) ? withoutTags(value.messages, settings.tags) : undefined;
  if (untagged) tellIgnoredTag(exchange, untagged, context);
  const spoken = untagged?.messages ?? value.messages;
  const messages = mayHoldProgress(request.bytes) ? withoutOwnProgress(spoken) : spoken;
  const explicit =
    readSource(value['optillm_approach'], registry, 'optillm_approach') ??
    readSource(typeof header === 'string' ? header : header?.[0], registry, 'x-optigate-approach');
  const wish: ClientWish = {
    request,
    changes: withoutMarks(fields, messages === value.messages ? undefined : messages),
    expression: explicit,
    model: name,
    options: fields === undefined ? NO_OPTIONS : readOptions(value, registry),
  };
  const tags = untagged?.tags ?? [];
  const split = splitName(name, exchange.signal, context);
  if (!split) return explicit || tags.length === 0 ? wish : { ...wish, expression: firstTagged(tags, registry) };
  return split.then(({ prefix, model }) => ({
    ...wish,
    expression: explicit ?? prefix ?? firstTagged(tags, registry),
    model: model === '' ? settings.model : model,
  }));
}

/** A model's name without prefixes of approaches. One that is only prefixes is the default model's. */
export function withoutPrefixes(name: string, signal: AbortSignal, context: WishContext): string | Promise<string> {
  const split = splitName(name, signal, context);
  return split ? split.then(({ model }) => (model === '' ? (context.settings.model ?? name) : model)) : name;
}

/** Splits prefixes from a model's name; undefined if it begins with no approach. */
function splitName(name: string, signal: AbortSignal, context: WishContext): Promise<SplitModel> | undefined {
  const { registry, upstreams, settings } = context;
  if (!mayHavePrefix(name, registry)) return undefined;
  const isListedModel = createModelTest(upstreams, signal);
  const isModel = async (model: string) => model === settings.model || (await isListedModel(model));
  return splitModel(name, registry, isModel);
}

/** The expression that a field, header or tag holds; undefined if it is absent, empty or `auto`. Throws a 400. */
export function readSource(source: unknown, registry: ApproachRegistry, param: string): Expression | undefined {
  if (source === undefined || source === null) return undefined;
  if (typeof source !== 'string')
    throw gatewayError('invalid_value', { param, detail: 'expected a text such as re2&moa' });
  const text = source.trim();
  if (text === '' || text.toLowerCase() === 'auto') return undefined;
  return parseExpression(text, registry, param);
}

/** @param messages  Those that replace the request's; undefined = they stay. */
function withoutMarks(
  fields: readonly string[] | undefined,
  messages: readonly Message[] | undefined,
): Changes<ChatRequest> {
  if (fields === undefined && messages === undefined) return UNCHANGED;
  const changes: Record<string, unknown> = {};
  for (const field of fields ?? []) changes[field] = undefined;
  if (messages) {
    if (messages.length === 0)
      throw gatewayError('invalid_value', { param: 'messages', detail: 'nothing is left beside the approach tag' });
    changes['messages'] = messages;
  }
  return changes;
}

/** Logs once that a tag does not select because of where it stands. */
function tellIgnoredTag(exchange: ChatExchange, { messages }: Untagged, { settings, notices }: WishContext): void {
  if (settings.tags !== 'start' || !notices || notices.isIgnoredTagTold || !hasTag(messages)) return;
  notices.isIgnoredTagTold = true;
  exchange.log.info(
    "an approach tag is taken as text: it does not open a message ('tags: anywhere' makes such tags count)",
  );
}

function firstTagged(tags: readonly string[], registry: ApproachRegistry): Expression | undefined {
  for (const tag of tags) {
    const expression = readSource(tag, registry, 'messages');
    if (expression) return expression;
  }
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
