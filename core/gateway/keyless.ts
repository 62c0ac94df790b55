import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { Upstream } from '../exchange/upstream.ts';
import { factsOf, type Provider, type ProviderRegistry } from '../upstream/provider.ts';
import type { KeylessUpstream } from '../upstream/upstreams.ts';
import { isLoopback } from './apply-plugins.ts';
import { describeChoice, detectUpstream } from './detect.ts';

/**
 * The upstream for callers without a key: a model server that runs on this machine, else the demo. Undefined unless the
 * configuration says `autodetect` and no upstream has a key or does without. The demo is never chosen in production, or
 * if other machines can connect.
 * @param detect  May it look for a model server?
 */
export async function createKeyless(
  config: Config,
  providers: ProviderRegistry,
  { log, detect }: { log: Logger; detect: boolean },
): Promise<KeylessUpstream | undefined> {
  if (
    !config.autodetect ||
    config.upstreams.some(({ apiKey, provider }) => apiKey !== undefined || isKeyless(providers, provider))
  ) {
    return undefined;
  }
  const found = detect ? await detectUpstream({ ownPort: config.server.port, log }) : undefined;
  const openai = providers.get('openai');
  if (found && openai) {
    const upstream = implicitUpstream(freeName(config, 'local'), openai, found.baseUrl, found.models);
    return { upstream, provider: openai, lines: describeChoice({ kind: 'local', ...found }), isDemo: false };
  }
  const demo = providers.get('demo');
  if (!demo || config.isProduction || !isLoopback(config.server.host)) return undefined;
  return {
    upstream: implicitUpstream(freeName(config, 'demo'), demo, '', []),
    provider: demo,
    lines: describeChoice({ kind: 'demo' }),
    isDemo: true,
  };
}

function implicitUpstream(name: string, provider: Provider, baseUrl: string, models: readonly string[]): Upstream {
  return new Upstream(
    {
      name,
      provider: factsOf(provider),
      baseUrl,
      timeoutMs: 600_000,
      connectTimeoutMs: 10_000,
      idleTimeoutMs: 300_000,
      forwardHeaders: [],
      tls: { verify: true },
      needsKey: false,
      shortestKey: 0,
      models,
      extra: {},
    },
    undefined,
  );
}

/** Does the provider work without a network, and so without a key (the demo)? */
function isKeyless(providers: ProviderRegistry, provider: string): boolean {
  return providers.get(provider)?.isRemote === false;
}

function freeName(config: Config, name: string): string {
  const taken = new Set(config.upstreams.map((upstream) => upstream.name));
  let free = name;
  for (let k = 2; taken.has(free); k++) free = `${name}${k}`;
  return free;
}
