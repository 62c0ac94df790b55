/** Makes the configuration of the file, the environment and the flags: reads, checks, fills in defaults, freezes. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { parse } from 'yaml';
import { isRecord } from '../bytes/json.ts';
import type { Budget } from '../exchange/ledger.ts';
import { listBuiltIns } from '../plugin/load-plugin.ts';
import { applyAliases, applyKeyVariables, UsageError, type Flags } from './aliases.ts';
import { Collector } from './collector.ts';
import type { Config, UpstreamConfig } from './config.ts';
import { Draft, type Members } from './draft.ts';
import { isProduction, processEnvironment, proxiesOf, type Environment } from './environment.ts';
import { ConfigFile } from './file.ts';
import { checkDependencies, checkPluginOptions, loadImplied, loadListedPlugins, type Listed } from './plugins.ts';
import { ConfigError } from './problems.ts';
import { readUpstreams } from './read-upstreams.ts';
import { fileSettings, type FileSettings } from './schema.ts';
import { findSource, readFailure, type ConfigSource } from './source.ts';

/** Where the configuration comes from. */
export interface LoadConfigOptions {
  /** The file. Default: `OPTIGATE_CONFIG`, else `./config.yaml`, else the one that ships with the program. */
  readonly path?: string | undefined;
  /** The file's text, if it was read already. */
  readonly text?: string | undefined;
  readonly flags?: Flags;
  /** Default: the process's. */
  readonly env?: Environment;
  /** Default: the process's. */
  readonly cwd?: string;
  /** Letters and digits. A version that was not used before imports custom plugins again, for a reload. */
  readonly version?: string;
}

/** The upstream of a file without `upstreams`. */
const DEFAULT_UPSTREAM = 'openai';
const DEFAULT_KEY_VARIABLE = 'OPENAI_API_KEY';

/** Loads the configuration and its plugins. Throws a `ConfigError` that lists all problems, or a `UsageError`. */
export async function loadConfig(options: LoadConfigOptions = {}): Promise<Config> {
  const { flags = {}, env = processEnvironment(), cwd = process.cwd() } = options;
  const source = await findSource(options, env, cwd);
  const file = new ConfigFile(source.name, source.text, env);
  if (!isRecord(file.value)) throw new ConfigError(source.name, unreadable(file));

  const draft = new Draft(file.value);
  const hasUpstreams = draft.value['upstreams'] !== undefined;
  draft.value['upstreams'] ??= { [DEFAULT_UPSTREAM]: {} };
  applyAliases(draft, { flags, environment: env, readYaml: (path) => readYaml(resolve(cwd, path)) });
  const firstUpstream = draft.firstUpstream() ?? DEFAULT_UPSTREAM;
  const isWaitingForKey = !hasUpstreams || file.variablesAt(['upstreams', firstUpstream, 'api_key']).length > 0;
  applyKeyVariables(draft, env, isWaitingForKey);

  const collector = new Collector(file, draft);
  const builtIns = await listBuiltIns();
  const { upstreams: upstreamsValue, plugins: pluginsValue, ...rest } = draft.value;
  const settings = collector.check(fileSettings, rest, [], ['upstreams', 'plugins']);
  const listed = await loadListedPlugins(pluginsValue, {
    collector,
    builtIns,
    folder: source.folder,
    ...(options.version === undefined ? {} : { version: options.version }),
  });
  const plugins = checkPluginOptions(listed, collector);

  const providerNames = [...builtIns.values()].filter(({ group }) => group === 'providers').map(({ name }) => name);
  const named = namedProviders(upstreamsValue).filter((name) => providerNames.includes(name));
  const detected = settings?.autodetect ? ['openai', 'demo'] : [];
  const implied = await loadImplied([...named, ...detected], listed, builtIns);
  checkDependencies(listed, implied, collector);
  const keyVariable = (name: string): string | undefined => {
    const origin = draft.originOf(['upstreams', name, 'api_key']);
    const isDefault = !hasUpstreams && name === DEFAULT_UPSTREAM;
    return (
      origin ?? file.variablesAt(['upstreams', name, 'api_key'])[0] ?? (isDefault ? DEFAULT_KEY_VARIABLE : undefined)
    );
  };
  const upstreams = await readUpstreams(upstreamsValue, {
    collector,
    folder: source.folder,
    keyVariable,
    providerNames,
    provider: (name) => providerPlugin(name, listed, implied),
  });

  const problems = [...file.problems, ...collector.problems];
  if (problems.length > 0 || !settings) throw new ConfigError(source.name, problems);
  const warnings = [...file.warnings, ...draft.warnings, ...upstreams.flatMap(insecureWarning)];
  return freeze({
    ...toConfig(settings, source),
    upstreams,
    plugins,
    implied,
    warnings,
    origins: draft.origins,
    watched: [source.path, ...plugins.map((plugin) => plugin.file)].filter((path) => path !== undefined),
    proxies: proxiesOf(env),
    isProduction: isProduction(env),
  });
}

function unreadable(file: ConfigFile): ConstructorParameters<typeof ConfigError>[1] {
  if (file.problems.length > 0) return file.problems;
  const isEmpty = file.value === null || file.value === undefined;
  const message = isEmpty
    ? 'the file is empty, expected keys such as upstreams and plugins'
    : 'expected keys such as upstreams and plugins';
  return [{ path: [], message, at: file.positionOf([]) }];
}

function toConfig(settings: FileSettings, { path, text }: ConfigSource) {
  const { server, log, autodetect, model, approach, tags, approach_limits: limits } = settings;
  const approachLimits: Budget = {
    maxCalls: limits.max_calls,
    deadlineMs: limits.deadline,
    ...(limits.max_tokens === undefined ? {} : { maxTokens: limits.max_tokens }),
  };
  return {
    path,
    text,
    server: {
      host: server.host,
      port: server.port,
      workers: server.workers === 'auto' ? availableParallelism() : server.workers,
      keepAlive: server.keep_alive,
      bodyLimit: server.body_limit,
      uploadLimit: server.upload_limit,
      allowedHosts: server.allowed_hosts,
      cors: server.cors,
      requestTimeoutMs: server.request_timeout,
      drainTimeoutMs: server.drain_timeout,
    },
    log,
    autodetect,
    model,
    approach: approach === 'auto' ? undefined : approach,
    tags: tags === true ? 'start' : tags,
    approachLimits,
    approachDefaults: { n: settings.approach_defaults.n },
  };
}

function namedProviders(upstreams: unknown): string[] {
  if (!isRecord(upstreams)) return [];
  return Object.values(upstreams).map((entry) => {
    const provider = isRecord(entry) ? entry['provider'] : undefined;
    return typeof provider === 'string' ? provider : 'openai';
  });
}

/**
 * The plugin of a provider; `unknown` if a custom plugin may add it (which shows only when plugins are applied); else
 * undefined.
 */
function providerPlugin(name: string, listed: readonly Listed[], implied: Config['implied']) {
  const found = [...listed, ...implied].find(({ record }) => record.name === name);
  if (found) return found.record;
  return listed.some(({ file }) => file !== undefined) ? 'unknown' : undefined;
}

function insecureWarning({ name, tls }: UpstreamConfig): string[] {
  return tls.verify
    ? []
    : [`upstreams.${name}.tls.verify is false: whoever is on the way can read and change what is sent`];
}

function readYaml(path: string): unknown {
  try {
    return parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`${path}: ${readFailure(error)}`, { cause: error });
  }
}

/** Freezes plain objects and lists at every depth. Plugins and schemas stay as they are. */
function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null && !Array.isArray(value)) return value;
  for (const member of Object.values(value as Members)) freeze(member);
  return Object.freeze(value);
}
