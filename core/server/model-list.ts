import { gatewayError } from '../errors.ts';
import { Call, type Exchange, type Plan } from '../exchange/exchange.ts';
import type { Gateway } from '../gateway.ts';
import type { ChatCompletion } from '../wire/chat/chat-types.ts';
import { Payload } from '../bytes/payload.ts';
import { completeReply } from '../exchange/reply.ts';
import { credentialFor, findCredential, payerOf } from '../upstream/credentials.ts';
import { mayUse } from '../upstream/allowed-models.ts';
import type { Model } from '../upstream/provider.ts';
import type { Upstream } from '../exchange/upstream.ts';
import type { Responder } from './responder.ts';

interface Listed {
  readonly upstream: Upstream;
  readonly model: Model;
}

/** `GET /v1/models`, `GET /v1/models/{id}`: each model under a name that reaches it, in the shape the client expects. */
export async function answerModels(
  gateway: Gateway,
  exchange: Exchange,
  responder: Responder,
  id: string | undefined,
): Promise<void> {
  const { method, path } = exchange.client;
  if (method !== 'GET' && method !== 'HEAD') {
    throw gatewayError('method_not_allowed', { method, path, allow: 'GET' }, { headers: { allow: 'GET' } });
  }
  // The caller's own key belongs to the default upstream here: no model is named.
  exchange.plan = listingPlan(gateway.upstreams.default, exchange);
  const listed = id === undefined ? await listAll(gateway, exchange) : await listFor(gateway, exchange, id);
  const named = listed
    .filter(({ upstream, model }) => mayUse(exchange.identity, upstream, model.id))
    .map(({ upstream, model }) => ({
      ...DEFAULTS,
      owned_by: upstream.name,
      ...model,
      id: nameOf(gateway, upstream, model.id),
    }));
  exchange.plan = undefined;
  responder.sendComplete(exchange, completeReply(Payload.fromValue(shaped(exchange, named, id) as ChatCompletion)));
}

const DEFAULTS = { object: 'model', created: 0 };

/** Everything that can be listed; one dead upstream does not hide the others. */
async function listAll(gateway: Gateway, exchange: Exchange): Promise<Listed[]> {
  const askable = upstreamsFor(gateway, exchange);
  if (askable.length === 0) credentialFor(exchange, gateway.upstreams.default);
  const lists = await Promise.all(askable.map((upstream) => listOf(gateway, exchange, upstream)));
  if (lists.every((list) => list === undefined)) throw unlistable(askable);
  return lists.flatMap((models, index) => {
    const upstream = askable[index];
    return models && upstream ? models.map((model) => ({ upstream, model })) : [];
  });
}

/** The one model of that name. Throws 404 where there is none, 502 where that cannot be told. */
async function listFor(gateway: Gateway, exchange: Exchange, id: string): Promise<Listed[]> {
  const askable = upstreamsFor(gateway, exchange);
  const { upstream: named, model: name } = gateway.upstreams.resolve(id);
  const { keyless } = gateway.upstreams;
  const upstream = askable.includes(named)
    ? named
    : keyless && askable.includes(keyless.upstream)
      ? keyless.upstream
      : undefined;
  if (!upstream) {
    credentialFor(exchange, named);
    throw gatewayError('model_not_found', { model: id });
  }
  const models = await listOf(gateway, exchange, upstream);
  if (!models) throw unlistable([upstream]);
  const found = models.find((model) => model.id === name);
  if (!found || !mayUse(exchange.identity, upstream, name)) throw gatewayError('model_not_found', { model: id });
  return [{ upstream, model: found }];
}

/** Upstreams this caller can be served by: those that a key pays for, else the keyless one. */
function upstreamsFor({ upstreams }: Gateway, exchange: Exchange): Upstream[] {
  const paid = upstreams.all.filter((upstream) => findCredential(exchange, upstream) !== undefined);
  return paid.length === 0 && upstreams.keyless ? [upstreams.keyless.upstream] : paid;
}

/** Undefined where the upstream cannot be asked. */
async function listOf(gateway: Gateway, exchange: Exchange, upstream: Upstream): Promise<readonly Model[] | undefined> {
  const payer = findCredential(exchange, upstream)?.payer;
  if (payer === undefined || payer === 'server') return gateway.upstreams.models(upstream, exchange.signal);
  const lists = gateway.ownLists;
  const key = `${upstream.name}\n${payerOf(exchange, upstream)}`;
  const known = lists.get(key);
  if (known) return known;
  const request = Payload.fromValue({ model: '', messages: [] });
  const call = new Call({ exchange, request, upstream, role: 'models', signal: exchange.signal });
  try {
    const models = await gateway.upstreams.providerOf(upstream).models(upstream, {
      transport: gateway.transport,
      call,
      signal: exchange.signal,
    });
    lists.set(key, models);
    return models;
  } catch (error) {
    exchange.log.debug({ err: error, upstream: upstream.name }, 'models could not be listed');
    return undefined;
  }
}

/** The default upstream's models go by their own names, unless another upstream's name would catch them. */
function nameOf({ upstreams }: Gateway, upstream: Upstream, id: string): string {
  const isPlain =
    upstream === upstreams.keyless?.upstream ||
    (upstream === upstreams.default && upstreams.resolve(id).upstream === upstream);
  return isPlain ? id : `${upstream.name}/${id}`;
}

function shaped(exchange: Exchange, models: readonly Model[], id: string | undefined): object {
  const query = new URLSearchParams(exchange.client.path.split('?')[1] ?? '');
  if (exchange.client.headers['anthropic-version'] !== undefined) {
    const data = models.map(anthropicModel);
    const [only] = data;
    if (id !== undefined && only) return only;
    return { data, has_more: false, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
  }
  const [only] = models;
  if (id !== undefined && only) return only;
  if (query.has('client_version'))
    return { models: models.map((model) => ({ slug: model.id, display_name: model.id, ...model })) };
  return { object: 'list', data: models };
}

function anthropicModel(model: Model): { type: string; id: string; display_name: unknown; created_at: unknown } {
  const created = typeof model['created'] === 'number' ? model['created'] : 0;
  return {
    type: 'model',
    id: model.id,
    display_name: model['display_name'] ?? model.id,
    created_at: model['created_at'] ?? new Date(created * 1000).toISOString(),
  };
}

function unlistable(upstreams: readonly Upstream[]): Error {
  return gatewayError('upstream_error', {
    upstream: upstreams.map(({ name }) => name).join("', '"),
    detail: 'did not list its models',
  });
}

/** A listing is no call of a plan; its plan only says where the caller's own key belongs. */
function listingPlan(upstream: Upstream, exchange: Exchange): Plan {
  return {
    upstream,
    request: Payload.fromValue({ model: '', messages: [] }),
    approach: 'none',
    isSingleCall: true,
    options: {},
    budget: {},
    run: () => Promise.reject(new Error(`exchange ${exchange.id} only lists models`)),
  };
}
