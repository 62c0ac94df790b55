import type { Clock } from '../clock.ts';
import type { Model } from './provider.ts';
import type { Transport } from './transport.ts';
import type { Upstream } from './upstream.ts';
import type { Upstreams } from './upstreams.ts';

const KEPT_MS = 60_000;
/** After a failure the list is asked for again this soon. */
const FAILURE_KEPT_MS = 5_000;
/** A request waits no longer for a list; the asking goes on and serves later ones. */
const WAIT_MS = 1_000;
/** The asking itself is given up then. */
const ASK_MS = 10_000;

interface Listing {
  readonly models: Promise<readonly Model[] | undefined>;
  /** Infinity while it is being asked for. */
  until: number;
}

/**
 * The configured upstreams, with their model lists: asked for once at a time, remembered for a minute.
 * @param upstreams  At least one; the first is the default.
 */
export function createUpstreams(upstreams: readonly Upstream[], transport: Transport, clock: Clock): Upstreams {
  const [first] = upstreams;
  if (!first) throw new Error('upstreams: at least one is needed');
  const byName = new Map(upstreams.map((upstream) => [upstream.name, upstream]));
  // One entry per upstream of this configuration or its fallback: bounded by them.
  const listings = new WeakMap<Upstream, Listing>();

  const ask = async (upstream: Upstream): Promise<readonly Model[] | undefined> => {
    const abort = new AbortController();
    const cancel = clock.setTimeout(() => abort.abort(new Error('the model list did not come in time')), ASK_MS);
    try {
      return await upstream.provider.models(upstream, { transport, call: undefined, signal: abort.signal });
    } catch {
      return undefined;
    } finally {
      cancel();
    }
  };
  const listingOf = (upstream: Upstream): Listing => {
    const known = listings.get(upstream);
    if (known && clock.now() < known.until) return known;
    const listing: Listing = { models: ask(upstream), until: Infinity };
    listings.set(upstream, listing);
    void listing.models.then((models) => {
      listing.until = clock.now() + (models ? KEPT_MS : FAILURE_KEPT_MS);
    });
    return listing;
  };

  return {
    all: upstreams,
    default: first,
    get: (name) => byName.get(name),
    resolve(model) {
      const slash = model.indexOf('/');
      // `b/` names no model of b.
      const isQualified = slash > 0 && slash < model.length - 1;
      const upstream = isQualified ? byName.get(model.slice(0, slash)) : undefined;
      return upstream ? { upstream, model: model.slice(slash + 1) } : { upstream: first, model };
    },
    async models(upstream, signal) {
      if (signal.aborted) return undefined;
      return withinWait(listingOf(upstream).models, clock, signal);
    },
  };
}

/** What the promise brings, or undefined when it takes too long or nobody waits any more. */
function withinWait<T>(promise: Promise<T>, clock: Clock, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve) => {
    const settle = (value: T | undefined) => {
      cancel();
      signal.removeEventListener('abort', onAbort);
      resolve(value);
    };
    const onAbort = () => settle(undefined);
    const cancel = clock.setTimeout(onAbort, WAIT_MS);
    signal.addEventListener('abort', onAbort, { once: true });
    void promise.then(settle);
  });
}

/** The models of a `GET /models` answer. Throws where it is a refusal or no list. */
export function modelsOf({ status, body }: { readonly status: number; readonly body: Buffer }): readonly Model[] {
  if (status !== 200) throw new Error(`the model list was refused with status ${status}`);
  const list: unknown = JSON.parse(body.toString());
  const data: unknown = typeof list === 'object' && list !== null && 'data' in list ? list.data : list;
  if (!Array.isArray(data)) throw new Error('the model list is none');
  return data.filter(isModel);
}

function isModel(value: unknown): value is Model {
  return typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string';
}
