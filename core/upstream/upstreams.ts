import type { Clock } from '../clock.ts';
import type { Upstream } from '../exchange/upstream.ts';
import type { Model, Provider, Transport } from './provider.ts';

/** Where a model's name leads: the upstream, and what the model is called there. */
export interface Destination {
  readonly upstream: Upstream;
  readonly model: string;
}

/** An upstream with the provider that speaks to it. */
export interface OpenUpstream {
  readonly upstream: Upstream;
  readonly provider: Provider;
}

/** Serves requests without an upstream key if no configured upstream has one: a local model server, or the demo. */
export interface KeylessUpstream extends OpenUpstream {
  /** What it is, and how to configure a better one. Shown at the start and in `/ready`. */
  readonly lines: readonly string[];
  readonly isDemo: boolean;
}

/** The configured upstreams, and the keyless one if there is one. */
export interface Upstreams {
  /** The configured ones, in the file's order. */
  readonly all: readonly Upstream[];
  readonly default: Upstream;
  readonly keyless: KeylessUpstream | undefined;
  get(name: string): Upstream | undefined;
  /**
   * `groq/llama-3.3` → groq, `llama-3.3`. A name that does not begin with an upstream's goes whole to the default one.
   */
  resolve(model: string): Destination;
  /** The provider of one of these upstreams. Throws for an upstream of another configuration. */
  providerOf(upstream: Upstream): Provider;
  /**
   * The models that an upstream lists; undefined if it does not answer within 1 s. Requests share one query, and its
   * result for a minute.
   */
  models(upstream: Upstream, signal: AbortSignal): Promise<readonly Model[] | undefined>;
}

/** How long a list is kept. */
const KEPT_MS = 60_000;
/** How long no list is asked for after a failure. */
const FAILURE_KEPT_MS = 5_000;
/** How long a request waits for a list. The query goes on, and serves later requests. */
const WAIT_MS = 1_000;
/** How long a query may take. */
const ASK_MS = 10_000;

interface Listing {
  readonly models: Promise<readonly Model[] | undefined>;
  /** Infinity while it is being asked for. */
  until: number;
}

/** What `createUpstreams` needs. */
export interface UpstreamsInit {
  /** At least one; the first is the default. */
  readonly configured: readonly OpenUpstream[];
  readonly keyless?: KeylessUpstream | undefined;
  readonly transport: Transport;
  readonly clock: Clock;
}

/** Creates the upstreams of one configuration. Throws if none is configured. */
export function createUpstreams({ configured, keyless, transport, clock }: UpstreamsInit): Upstreams {
  const all = configured.map(({ upstream }) => upstream);
  const [first] = all;
  if (!first) throw new Error('upstreams: at least one is needed');
  const byName = new Map(all.map((upstream) => [upstream.name, upstream]));
  const opened = keyless ? [...configured, keyless] : configured;
  const providers = new Map(opened.map(({ upstream, provider }) => [upstream, provider]));
  const providerOf = (upstream: Upstream): Provider => {
    const provider = providers.get(upstream);
    if (!provider) throw new Error(`the upstream '${upstream.name}' is none of this configuration`);
    return provider;
  };
  // One entry per upstream of this configuration: bounded by them.
  const listings = new WeakMap<Upstream, Listing>();

  const ask = async (upstream: Upstream): Promise<readonly Model[] | undefined> => {
    const abort = new AbortController();
    const cancel = clock.setTimeout(() => abort.abort(new Error('the model list did not come in time')), ASK_MS);
    try {
      return await providerOf(upstream).models(upstream, { transport, call: undefined, signal: abort.signal });
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
    all,
    default: first,
    keyless,
    get: (name) => byName.get(name),
    resolve(model) {
      const slash = model.indexOf('/');
      // `groq/` names no model of groq.
      const isQualified = slash > 0 && slash < model.length - 1;
      const upstream = isQualified ? byName.get(model.slice(0, slash)) : undefined;
      return upstream ? { upstream, model: model.slice(slash + 1) } : { upstream: first, model };
    },
    providerOf,
    async models(upstream, signal) {
      if (signal.aborted) return undefined;
      return withinWait(listingOf(upstream).models, clock, signal);
    },
  };
}

/** The promise's value, or undefined if it takes longer than `WAIT_MS` or the signal aborts. */
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
