import type { Config } from '../config/config.ts';
import { isLoopback } from '../config/loopback.ts';
import type { Exchange, Plan } from '../exchange.ts';
import type { Logger } from '../logger.ts';
import { findCredential, Identity } from './credentials.ts';
import { describeChoice, detectUpstream } from './detect.ts';
import type { Provider, ProviderRegistry } from './provider.ts';
import { Upstream } from './upstream.ts';

/** Where requests go that bring no upstream key, on a machine where no upstream has one. */
export interface Fallback {
  readonly upstream: Upstream;
  /** What it is and how to do better, for the start and `/ready`. */
  readonly lines: readonly string[];
  readonly isDemo: boolean;
}

/**
 * With `autodetect` and no key for any upstream: a model server that runs on this machine, else the demo. Decided once,
 * at the start. Never the demo in production or where other machines can connect.
 */
export async function createFallback(
  config: Config,
  providers: ProviderRegistry,
  { log, detect }: { log: Logger; detect: boolean },
): Promise<Fallback | undefined> {
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
    return { upstream, lines: describeChoice({ kind: 'local', ...found }), isDemo: false };
  }
  const demo = providers.get('demo');
  if (!demo || config.isProduction || !isLoopback(config.server.host)) return undefined;
  return {
    upstream: implicitUpstream(freeName(config, 'demo'), demo, '', []),
    lines: describeChoice({ kind: 'demo' }),
    isDemo: true,
  };
}

/** The plan, sent to the fallback where its own upstream has no key for this caller. */
export function withFallback(plan: Plan, exchange: Exchange, fallback: Fallback | undefined): Plan {
  if (!fallback || Identity.grantOf(exchange.identity).upstreamKey !== undefined) return plan;
  if (findCredential({ identity: exchange.identity, plan }, plan.upstream)) return plan;
  const { upstream } = fallback;
  const { models } = upstream.settings;
  const [first] = models;
  const { model } = plan.request.value;
  if (first === undefined || models.includes(model)) return { ...plan, upstream };
  exchange.log.info(
    { model, answered_by: first, upstream: upstream.name },
    'model not listed by the detected server, its first one answers',
  );
  return { ...plan, upstream, request: plan.request.with({ model: first }) };
}

function implicitUpstream(name: string, provider: Provider, baseUrl: string, models: readonly string[]): Upstream {
  return new Upstream(
    {
      name,
      provider,
      baseUrl,
      timeoutMs: 600_000,
      connectTimeoutMs: 10_000,
      idleTimeoutMs: 300_000,
      forwardHeaders: [],
      tls: { verify: true },
      needsKey: false,
      models,
      extra: {},
    },
    undefined,
  );
}

function isKeyless(providers: ProviderRegistry, provider: string): boolean {
  return providers.get(provider)?.isRemote === false;
}

function freeName(config: Config, name: string): string {
  const taken = new Set(config.upstreams.map((upstream) => upstream.name));
  let free = name;
  for (let k = 2; taken.has(free); k++) free = `${name}${k}`;
  return free;
}
