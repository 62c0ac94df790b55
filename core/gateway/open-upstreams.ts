import type { Config, UpstreamConfig } from '../config/config.ts';
import { factsOf, type ProviderRegistry } from '../upstream/provider.ts';
import { Upstream } from '../exchange/upstream.ts';
import type { OpenUpstream } from '../upstream/upstreams.ts';

/** The upstreams of the configuration. Throws where one names a provider that is not there, or lacks its address. */
export function openUpstreams(config: Config, providers: ProviderRegistry): OpenUpstream[] {
  return config.upstreams.map((upstream) => openUpstream(upstream, providers));
}

function openUpstream(upstream: UpstreamConfig, providers: ProviderRegistry): OpenUpstream {
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
      ...(upstream.keyVariable === undefined ? {} : { keyVariable: upstream.keyVariable }),
      // A server that wants no key is told so by any text in api_key: a forgotten key must not look like that.
      needsKey: provider.isRemote,
      models: [],
      extra: upstream.extra,
    },
    upstream.apiKey,
  );
  return { upstream: opened, provider };
}
