import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { Config, LoadedPlugin } from '../config/config.ts';
import type { GuardedFetch } from '../fetch/guarded-fetch.ts';
import { HOOK_NAMES, type Hooks } from '../hooks.ts';
import type { Kept } from '../kept.ts';
import type { ApproachRegistry } from '../plan/registry.ts';
import type { CheckState, PluginContext } from '../plugin/define.ts';
import { createProviderRegistry, type ProviderRegistry } from '../upstream/provider.ts';

/** A check that a plugin added to `/ready`. */
export interface Check {
  readonly name: string;
  readonly check: () => CheckState | Promise<CheckState>;
}

/** What the plugins brought, besides their taps, approaches and routes. */
export interface Applied {
  readonly providers: ProviderRegistry;
  readonly checks: readonly Check[];
  readonly authenticates: boolean;
  /** Is a caller served of whom nothing is known? */
  readonly admitsAnybody: boolean;
  readonly needsStreamUsage: boolean;
}

interface Parts {
  readonly config: Config;
  readonly hooks: Hooks;
  readonly app: FastifyInstance;
  readonly approaches: ApproachRegistry;
  readonly log: Logger;
  readonly clock: Clock;
  readonly kept: Kept;
  readonly wishOf: PluginContext<object>['wishOf'];
  /** The hooks read the name of the plugin whose `apply` runs here. */
  readonly state: { owner: string };
}

/**
 * Applies the configuration's plugins in their order. Throws an `Error` that names the plugin if one fails, and before
 * that if other machines could connect without a key.
 */
export async function applyPlugins(parts: Parts): Promise<Applied> {
  const { config, hooks, app, log, state } = parts;
  const providers = createProviderRegistry();
  const checks: Check[] = [];
  const plugins = [...config.implied, ...config.plugins];
  refuseOpenHost(config, plugins);
  for (const loaded of plugins) {
    const { record } = loaded;
    state.owner = record.name;
    const context = {
      hooks: describingHooks(hooks),
      approaches: parts.approaches.viewFor(record, loaded.options, loaded.file === undefined),
      providers: { add: providers.add.bind(providers) },
      checks: { add: (name: string, check: Check['check']) => addCheck(checks, name, check) },
      app,
      log: log.child({ plugin: record.name }),
      clock: parts.clock,
      fetch: fetchOnDemand(parts.clock),
      upstreams: config.upstreams.map(({ name }) => name),
      wishOf: parts.wishOf,
      keep: <T>(key: string, create: () => T) => parts.kept.keep(`${record.name}/${key}`, create),
    };
    try {
      await app.register(loaded.plugin, { context, options: loaded.options });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`plugin '${record.name}' (${loaded.file ?? loaded.listed}): ${reason}`, { cause: error });
    }
  }
  state.owner = 'core';
  return {
    providers,
    checks,
    authenticates: plugins.some(({ record }) => record.authenticates),
    admitsAnybody: plugins.every(({ record, options }) => record.admitsAnybody(options)),
    needsStreamUsage: plugins.some(({ record }) => record.needsStreamUsage),
  };
}

/** Reading a hook that does not exist throws an error that lists those that do. */
function describingHooks(hooks: Hooks): Hooks {
  return new Proxy(hooks, {
    get(target, name, receiver) {
      if (typeof name === 'string' && !Object.hasOwn(target, name)) {
        throw new Error(`there is no hook '${name}'; the hooks are ${HOOK_NAMES.join(', ')}`);
      }
      return Reflect.get(target, name, receiver);
    },
  });
}

/** Loads the fetch module with the first call, because most pipelines never fetch anything. */
function fetchOnDemand(clock: Clock): GuardedFetch {
  return async (url, options) => {
    const { createFetch } = await import('../fetch/guarded-fetch.ts');
    return createFetch({ clock })(url, options);
  };
}

function addCheck(checks: Check[], name: string, check: Check['check']): void {
  if (checks.some((other) => other.name === name)) throw new Error(`a check named '${name}' exists already`);
  checks.push({ name, check });
}

/** Throws if other machines can connect and no plugin guards the server: anybody could then spend its upstream keys. */
function refuseOpenHost(config: Config, plugins: readonly LoadedPlugin[]): void {
  if (isLoopback(config.server.host)) return;
  if (plugins.some(({ record, options }) => record.guards(options))) return;
  throw new Error(
    `server.host: '${config.server.host}' can be reached from other machines, but nobody is asked for a key. ` +
      `List access keys (plugin auth: keys), or say 'auth: { open: true }' if that is meant, or use 127.0.0.1`,
  );
}

/** Is the address reachable from this machine only? */
export function isLoopback(host: string): boolean {
  const plain = host.replace(/^\[|\]$/g, '').toLowerCase();
  return (
    plain === 'localhost' || plain === '::1' || /^127(?:\.\d{1,3}){3}$/.test(plain) || plain.startsWith('::ffff:127.')
  );
}
