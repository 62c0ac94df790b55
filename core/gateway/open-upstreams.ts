import type { Config, UpstreamConfig } from '../config/config.ts';
import { Upstream } from '../exchange/upstream.ts';
import { factsOf, type ProviderRegistry } from '../upstream/provider.ts';
import { proxyFor } from './proxy.ts';
import type { OpenUpstream } from '../upstream/upstreams.ts';

/** The `api_key` of an upstream that asks for none. */
const NO_KEY = 'none';

/** Real keys of public providers are longer. What clients' docs show as an example is shorter: `sk-1234`, `sk-no-key`. */
const SHORTEST_REAL_KEY = 20;

/**
 * The configured upstreams with their providers. Throws an `Error` if a provider is unknown or a base URL is missing.
 * @param hasKeyless  Is there an upstream for callers without a key? Then a placeholder for a public provider is none.
 */
export function openUpstreams(config: Config, providers: ProviderRegistry, hasKeyless: boolean): OpenUpstream[] {
  return config.upstreams.map((upstream) => openUpstream(upstream, providers, { config, hasKeyless }));
}

function openUpstream(
  upstream: UpstreamConfig,
  providers: ProviderRegistry,
  { config: { proxies }, hasKeyless }: { readonly config: Config; readonly hasKeyless: boolean },
): OpenUpstream {
  const { name } = upstream;
  const provider = providers.get(upstream.provider);
  if (!provider) {
    throw new Error(
      `upstreams.${name}.provider: no provider '${upstream.provider}'; there are ${providers.names.join(', ')}`,
    );
  }
  const baseUrl = upstream.baseUrl ?? provider.defaultBaseUrl ?? '';
  if (provider.isRemote && baseUrl === '')
    throw new Error(`upstreams.${name}.base_url: the provider '${provider.name}' needs one`);
  const proxy = provider.isRemote ? proxyFor({ baseUrl, own: upstream.proxy, proxies }) : undefined;
  const opened = new Upstream(
    {
      name,
      provider: factsOf(provider),
      baseUrl,
      timeoutMs: upstream.timeoutMs,
      connectTimeoutMs: upstream.connectTimeoutMs,
      idleTimeoutMs: upstream.idleTimeoutMs,
      forwardHeaders: upstream.forwardHeaders,
      tls: upstream.tls,
      ...(proxy === undefined ? {} : { proxy }),
      ...(upstream.keyVariable === undefined ? {} : { keyVariable: upstream.keyVariable }),
      // No api_key at all is a forgotten one, so a server that asks for none is configured as such.
      needsKey: provider.isRemote && upstream.apiKey !== NO_KEY,
      shortestKey: hasKeyless && baseUrl === provider.defaultBaseUrl ? SHORTEST_REAL_KEY : 0,
      models: [],
      extra: upstream.extra,
    },
    upstream.apiKey === NO_KEY ? undefined : upstream.apiKey,
  );
  return { upstream: opened, provider };
}
