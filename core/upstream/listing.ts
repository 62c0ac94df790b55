/** Lists the models that a caller may use, each under a name that reaches it. */
import { LRUCache } from 'lru-cache';
import { Payload } from '../bytes/payload.ts';
import { gatewayError } from '../errors.ts';
import { Call, type Exchange } from '../exchange/exchange.ts';
import type { Upstream } from '../exchange/upstream.ts';
import { mayUse } from './allowed-models.ts';
import { credentialFor, findCredential, payerOf } from './credentials.ts';
import type { Model, Transport } from './provider.ts';
import type { Upstreams } from './upstreams.ts';

/** Lists models for the caller of an exchange, whose keys and rights decide what is listed. */
export interface Listing {
  /** The models of all upstreams that answer. Throws 502 if none answers, and 401 if there is no key for any. */
  all(exchange: Exchange): Promise<readonly Model[]>;
  /**
   * The model of that name, which may have prefixes of approaches, as in requests. Throws 403 if the caller may not use
   * it, 404 if there is none, 502 if its upstream does not answer, 401 without a key.
   */
  one(exchange: Exchange, name: string): Promise<Model>;
}

/** How much of lists that callers' own keys paid for is kept, as JSON, and how long. */
const OWN_LISTS = { maxSize: 8 * 1024 * 1024, maxEntrySize: 1024 * 1024, ttl: 60_000 };

/** Members of a listed model that its upstream may have left out. */
const DEFAULTS = { object: 'model', created: 0 };

/** What `createListing` needs. */
export interface ListingInit {
  readonly upstreams: Upstreams;
  readonly transport: Transport;
  /** The upstream that a request of this name goes to, by the wire of the exchange. */
  readonly homeOf: (exchange: Exchange, name: string | undefined) => Upstream;
  /** Does the name begin like one with an approach before it? */
  readonly isPrefixed: (name: string) => boolean;
  /** The name without prefixes of approaches. */
  readonly withoutPrefixes: (exchange: Exchange, name: string) => string | Promise<string>;
}

/** Lists that the server's key pays for are shared by all callers; those that a caller pays for are its own. */
export function createListing({ upstreams, transport, homeOf, isPrefixed, withoutPrefixes }: ListingInit): Listing {
  /** Lists of callers that pay themselves, by upstream and payer. */
  const ownLists = new LRUCache<string, readonly Model[]>({
    ...OWN_LISTS,
    sizeCalculation: (models) => JSON.stringify(models).length,
  });

  /** Undefined if the upstream does not answer. */
  const listOf = async (exchange: Exchange, upstream: Upstream): Promise<readonly Model[] | undefined> => {
    if (!paysItself(exchange, upstream)) return upstreams.models(upstream, exchange.signal);
    const key = `${upstream.name}\n${payerOf(exchange, upstream)}`;
    const known = ownLists.get(key);
    if (known) return known;
    const request = Payload.fromValue({ model: '', messages: [] });
    const { signal } = exchange;
    const call = new Call({ exchange, request, upstream, role: 'models', signal });
    try {
      const models = await upstreams.providerOf(upstream).models(upstream, { transport, call, signal });
      ownLists.set(key, models);
      return models;
    } catch (error) {
      exchange.log.debug({ err: error, upstream: upstream.name }, 'models could not be listed');
      return undefined;
    }
  };

  /** The upstreams that can serve this caller: those that a key pays for; if there are none, the keyless one. */
  const upstreamsFor = (exchange: Exchange): Upstream[] => {
    const paid = upstreams.all.filter((upstream) => findCredential(exchange, upstream) !== undefined);
    return paid.length === 0 && upstreams.keyless ? [upstreams.keyless.upstream] : paid;
  };

  /**
   * The model under a name that reaches it. At the default upstream that is its own name, unless that begins with the
   * name of an upstream and a slash, be it its own: `openrouter/auto` of `openrouter` is `openrouter/openrouter/auto`.
   * `none-` keeps one from being split whose list only its payer's own key gets.
   */
  const listed = (exchange: Exchange, upstream: Upstream, model: Model): Model => {
    const isPlain =
      upstream === upstreams.keyless?.upstream ||
      (upstream === upstreams.default && upstreams.resolve(model.id).model === model.id);
    const isSplit = isPlain && isPrefixed(model.id) && paysItself(exchange, upstream);
    const id = isPlain ? `${isSplit ? 'none-' : ''}${model.id}` : `${upstream.name}/${model.id}`;
    return { ...DEFAULTS, owned_by: upstream.name, ...model, id };
  };

  return {
    async all(exchange) {
      // The request names no model, so the caller's own key counts as one for the upstream of a plain name.
      exchange.home = homeOf(exchange, undefined);
      const askable = upstreamsFor(exchange);
      if (askable.length === 0) credentialFor(exchange, upstreams.default);
      const lists = await Promise.all(askable.map((upstream) => listOf(exchange, upstream)));
      if (lists.every((list) => list === undefined)) throw unlistable(askable);
      return askable.flatMap((upstream, index) =>
        (lists[index] ?? [])
          .filter(({ id }) => mayUse(exchange.identity, upstream, id))
          .map((model) => listed(exchange, upstream, model)),
      );
    },
    async one(exchange, name) {
      const plain = await withoutPrefixes(exchange, name);
      const named = upstreams.resolve(plain);
      const home = homeOf(exchange, plain);
      // A client's own key pays where its request's model belongs.
      exchange.home = home;
      const askable = upstreamsFor(exchange);
      const places = [home, named.upstream, upstreams.keyless?.upstream].filter(
        (each, index, all) => each !== undefined && askable.includes(each) && all.indexOf(each) === index,
      ) as Upstream[];
      if (places.length === 0) {
        credentialFor(exchange, home);
        throw gatewayError('model_not_found', { model: name });
      }
      const silent: Upstream[] = [];
      for (const upstream of places) {
        const id = upstream === named.upstream ? named.model : plain;
        if (!mayUse(exchange.identity, upstream, id)) throw gatewayError('model_not_allowed', { model: name });
        const models = await listOf(exchange, upstream);
        if (!models) silent.push(upstream);
        const found = models?.find((model) => model.id === id);
        if (found)
          return plain === name
            ? listed(exchange, upstream, found)
            : { ...listed(exchange, upstream, found), id: name };
      }
      throw silent.length > 0 ? unlistable(silent) : gatewayError('model_not_found', { model: name });
    },
  };
}

/** Is it another key than the server's that pays there? */
function paysItself(exchange: Exchange, upstream: Upstream): boolean {
  const payer = findCredential(exchange, upstream)?.payer;
  return payer !== undefined && payer !== 'server';
}

function unlistable(upstreams: readonly Upstream[]): Error {
  return gatewayError('upstream_error', {
    upstream: upstreams.map(({ name }) => name).join("', '"),
    detail: 'did not list its models',
  });
}
