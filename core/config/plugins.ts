import { isRecord } from '../bytes/json.ts';
import { PluginLoadError } from '../plugin/load-error.ts';
import { loadBuiltIn, loadListed, type BuiltIn, type FoundPlugin } from '../plugin/load-plugin.ts';
import type { Collector } from './collector.ts';
import type { LoadedPlugin } from './config.ts';
import type { Path } from './problems.ts';

/** Plugins that are always loaded. */
const ALWAYS = ['none'];

/** What loading the list of plugins needs. */
export interface PluginParts {
  readonly collector: Collector;
  readonly builtIns: ReadonlyMap<string, BuiltIn>;
  /** The configuration file's folder: paths are relative to it, packages are resolved from it. */
  readonly folder: string;
  /** A version that was not used before imports custom plugins again, for a reload. */
  readonly version?: string;
}

/** One entry of the list with its plugin. The options are not checked yet. */
export interface Listed extends FoundPlugin {
  readonly listed: string;
  readonly path: Path;
  readonly options: unknown;
}

/** Imports the listed plugins, all at once. An entry that is wrong or cannot be loaded is a problem, and left out. */
export async function loadListedPlugins(value: unknown, parts: PluginParts): Promise<Listed[]> {
  const { collector } = parts;
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) {
    collector.add(['plugins'], 'expected a list, an entry per plugin: - retry: { attempts: 3 }');
    return [];
  }
  const entries = value.map((entry: unknown, index) => readEntry(entry, ['plugins', index], collector));
  const loaded = await Promise.all(entries.map(async (entry) => entry && load(entry, parts)));
  const plugins = loaded.filter((plugin) => plugin !== undefined);
  return withoutDuplicates(plugins, collector);
}

interface Entry {
  readonly listed: string;
  readonly path: Path;
  readonly options: unknown;
}

function readEntry(entry: unknown, path: Path, collector: Collector): Entry | undefined {
  if (typeof entry === 'string' && entry !== '') return { listed: entry, path: [...path, entry], options: {} };
  if (!isRecord(entry)) {
    collector.add(
      path,
      'expected a plugin by name, path or package, with options or without: - retry: { attempts: 3 }',
    );
    return undefined;
  }
  const [listed, ...others] = Object.keys(entry);
  if (listed === undefined || others.length > 0) {
    const advice =
      listed === undefined ? '' : `; if '${others.join("', '")}' belongs to '${listed}', indent it further`;
    collector.add(
      path,
      `expected one plugin in an entry, got ${others.length + (listed === undefined ? 0 : 1)} keys${advice}`,
    );
    return undefined;
  }
  return { listed, path: [...path, listed], options: entry[listed] ?? {} };
}

async function load(entry: Entry, { collector, builtIns, folder, version }: PluginParts): Promise<Listed | undefined> {
  try {
    const found = await loadListed(entry.listed, builtIns, { folder, ...(version === undefined ? {} : { version }) });
    return { ...entry, ...found };
  } catch (error) {
    if (!(error instanceof PluginLoadError)) throw error;
    collector.add(entry.path, error.message, { isKey: true });
    return undefined;
  }
}

function withoutDuplicates(plugins: readonly Listed[], collector: Collector): Listed[] {
  const first = new Map<string, Listed>();
  for (const plugin of plugins) {
    const { name } = plugin.record;
    const other = first.get(name);
    if (!other) {
      first.set(name, plugin);
      continue;
    }
    const theirs = other.listed === plugin.listed ? '' : ` (as '${other.listed}')`;
    collector.add(plugin.path, `a plugin named '${name}' is listed already${theirs}`, { isKey: true });
  }
  return [...first.values()];
}

/** Checks each plugin's options by its own schema. A plugin with wrong options is left out. */
export function checkPluginOptions(plugins: readonly Listed[], collector: Collector): LoadedPlugin[] {
  return plugins.flatMap(({ listed, plugin, record, file, options, path }) => {
    const checked = collector.check(record.schema, options, path);
    return checked === undefined ? [] : [{ listed, plugin, record, file, options: checked }];
  });
}

/** Collects a problem for each plugin that needs another one which is not listed. Their order does not matter. */
export function checkDependencies(
  plugins: readonly Listed[],
  implied: readonly LoadedPlugin[],
  collector: Collector,
): void {
  const names = new Set([...plugins, ...implied].map(({ record }) => record.name));
  for (const { record, path } of plugins) {
    const missing = record.dependencies.filter((name) => !names.has(name));
    for (const name of missing) collector.add(path, `needs the plugin '${name}', which is not listed`, { isKey: true });
  }
}

/** Loads `none` and the given providers, except those that are listed. */
export async function loadImplied(
  providers: readonly string[],
  listed: readonly Listed[],
  builtIns: ReadonlyMap<string, BuiltIn>,
): Promise<LoadedPlugin[]> {
  const taken = new Set(listed.map(({ record }) => record.name));
  const names = new Set([...ALWAYS, ...providers].filter((name) => !taken.has(name)));
  const wanted = [...names].flatMap((name) => builtIns.get(name) ?? []);
  return Promise.all(
    wanted.map(async (builtIn) => {
      const found = await loadBuiltIn(builtIn);
      return { ...found, listed: builtIn.name, options: found.record.schema.parse({}) };
    }),
  );
}
