import type { Changes, Payload } from '../bytes/payload.ts';
import { gatewayError, type GatewayError } from '../errors.ts';
import type { ChatExchange } from '../exchange/exchange.ts';
import type { Upstreams } from '../upstream/upstreams.ts';
import type { ChatRequest } from '../wire/chat/chat-types.ts';
import { parseExpression, type Expression } from './expression.ts';
import { controlFields, isListedModel, mayHavePrefix, mayHaveTag, splitModel, withoutTags } from './marks.ts';
import type { ApproachRegistry } from './registry.ts';
import { NO_OPTIONS, readOptions, type RequestOptions } from './request-options.ts';

/** All that a chat request says about how it is to be answered. */
export interface ClientWish {
  /** As it came. */
  readonly request: Payload<ChatRequest>;
  /** What takes the marks out of it, so that none goes upstream. */
  readonly changes: Changes<ChatRequest>;
  /** By the strongest of its marks; undefined = it selects none. */
  readonly expression: Expression | undefined;
  /** Without prefixes, as clients write it; undefined = it names none, and the file has no default. */
  readonly model: string | undefined;
  readonly options: RequestOptions;
}

export interface WishContext {
  readonly registry: ApproachRegistry;
  readonly upstreams: Upstreams;
  readonly settings: {
    /** For chat requests that name no model. */
    readonly model?: string | undefined;
    /** May messages select an approach? Tags are removed in any case. */
    readonly tags: boolean;
  };
}

const UNCHANGED: Changes<ChatRequest> = Object.freeze({});

/**
 * Reads every mark of a request: field, header, model prefix, tag (the first of them wins), and its options. A promise
 * only where an upstream has to be asked for its models. Throws a 400 that names the field.
 */
export function readWish(exchange: ChatExchange, context: WishContext): ClientWish | Promise<ClientWish> {
  const { registry, upstreams, settings } = context;
  const { request, client } = exchange;
  const { value } = request;
  checkMessages(value);
  const name = modelOf(value) ?? settings.model;
  if (name === undefined) throw gatewayError('missing_required_parameter', { param: 'model' });
  const fields = controlFields(value, registry.flatOptions);
  const header = client.headers['x-optigate-approach'];
  const untagged = mayHaveTag(request.bytes) ? withoutTags(value.messages) : undefined;
  const strong =
    readSource(value['optillm_approach'], registry, 'optillm_approach') ??
    readSource(typeof header === 'string' ? header : header?.[0], registry, 'x-optigate-approach');
  const wish: ClientWish = {
    request,
    changes: withoutMarks(fields, untagged),
    expression: strong,
    model: name,
    options: fields === undefined ? NO_OPTIONS : readOptions(value, registry),
  };
  const tags = settings.tags ? (untagged?.tags ?? []) : [];
  const isListed = (slug: string) => slug === 'none' || registry.get(slug) !== undefined;
  if (!mayHavePrefix(name, isListed))
    return strong || tags.length === 0 ? wish : { ...wish, expression: tagged(tags, registry) };
  const isModel = async (model: string) =>
    model === settings.model || (await isListedModel(model, upstreams, exchange.signal));
  return splitModel(name, isListed, isModel).then(({ prefix, model }) => ({
    ...wish,
    expression: strong ?? prefix ?? tagged(tags, registry),
    model: model === '' ? settings.model : model,
  }));
}

/** One source's expression; undefined where it names nothing (`auto` included). */
export function readSource(source: unknown, registry: ApproachRegistry, param: string): Expression | undefined {
  if (source === undefined || source === null) return undefined;
  if (typeof source !== 'string')
    throw gatewayError('invalid_value', { param, detail: 'expected a text such as re2&moa' });
  const text = source.trim();
  if (text === '' || text.toLowerCase() === 'auto') return undefined;
  return parseExpression(text, ['none', ...registry.slugs.filter((slug) => slug !== 'none')], param);
}

function withoutMarks(
  fields: readonly string[] | undefined,
  untagged: ReturnType<typeof withoutTags> | undefined,
): Changes<ChatRequest> {
  const hasTags = untagged !== undefined && untagged.tags.length > 0;
  if (fields === undefined && !hasTags) return UNCHANGED;
  const changes: Record<string, unknown> = {};
  for (const field of fields ?? []) changes[field] = undefined;
  if (hasTags) {
    if (untagged.messages.length === 0)
      throw gatewayError('invalid_value', { param: 'messages', detail: 'nothing is left beside the approach tag' });
    changes['messages'] = untagged.messages;
  }
  return changes;
}

function tagged(tags: readonly string[], registry: ApproachRegistry): Expression | undefined {
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
