/** Finds and imports plugins: built-in ones by name, custom ones by path or package. */
import { readdir, stat } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { nearest } from '../nearest.ts';
import { pluginRecord, type Plugin, type PluginRecord } from './define.ts';
import { missingExport, PluginLoadError, importFailure } from './load-error.ts';
import { DOORS, packageSpecifier, withVersion } from './resolve-hook.ts';

/** A plugin that was imported, and where it was found. */
export interface FoundPlugin {
  readonly plugin: Plugin;
  readonly record: PluginRecord;
  /** Absolute path of a custom plugin's file or package entry; undefined = built in. */
  readonly file: string | undefined;
}

/** A plugin that ships with the program, not imported yet. */
export interface BuiltIn {
  readonly name: string;
  /** Its folder in `plugins/`: gateway, approaches or providers. */
  readonly group: string;
  /** `file:` URL of its module. */
  readonly url: string;
}

/** Where to look for custom plugins, and whether to import them again. */
export interface LoadOptions {
  /** The configuration file's folder: paths are relative to it, packages are resolved from it. */
  readonly folder: string;
  /** Letters and digits. A version that was not used before imports custom plugins again, for a reload. */
  readonly version?: string;
}

const PLUGINS = new URL('../../plugins/', import.meta.url);
const EXTENSION = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

/** The built-in plugins by name, in alphabetical order. Only lists folders; imports nothing. */
export async function listBuiltIns(): Promise<ReadonlyMap<string, BuiltIn>> {
  const groups = (await readdir(PLUGINS, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const found = await Promise.all(groups.map(({ name }) => listGroup(name)));
  return new Map(
    found
      .flat()
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map((builtIn) => [builtIn.name, builtIn]),
  );
}

async function listGroup(group: string): Promise<BuiltIn[]> {
  const folder = new URL(`${group}/`, PLUGINS);
  const entries = await readdir(folder, { withFileTypes: true });
  const found = entries.map(async (entry): Promise<BuiltIn | undefined> => {
    if (entry.isFile() && /^[a-z][\w-]*\.[jt]s$/.test(entry.name) && entry.name.endsWith(EXTENSION)) {
      return { name: entry.name.slice(0, -EXTENSION.length), group, url: new URL(entry.name, folder).href };
    }
    if (!entry.isDirectory()) return undefined;
    const index = new URL(`${entry.name}/index${EXTENSION}`, folder);
    return (await isFile(fileURLToPath(index))) ? { name: entry.name, group, url: index.href } : undefined;
  });
  return (await Promise.all(found)).filter((builtIn) => builtIn !== undefined);
}

/** Imports a built-in plugin. Throws a `PluginLoadError`. */
export async function loadBuiltIn(builtIn: BuiltIn): Promise<FoundPlugin> {
  const found = await importPlugin(builtIn.url, `the built-in plugin '${builtIn.name}'`);
  if (found.record.name !== builtIn.name) {
    throw new PluginLoadError(`the built-in plugin '${builtIn.name}' calls itself '${found.record.name}'`);
  }
  return { ...found, file: undefined };
}

/** Loads one entry of the file's list: a built-in name, a path or a package. Throws a `PluginLoadError`. */
export async function loadListed(
  listed: string,
  builtIns: ReadonlyMap<string, BuiltIn>,
  options: LoadOptions,
): Promise<FoundPlugin> {
  if (isPath(listed)) return loadPath(listed, options);
  const builtIn = builtIns.get(listed);
  return builtIn ? loadBuiltIn(builtIn) : loadPackage(listed, builtIns, options);
}

/** Is the entry the path of a file, rather than the name of a built-in plugin or a package? */
export function isPath(listed: string): boolean {
  return /^\.{1,2}[/\\]/.test(listed) || isAbsolute(listed) || listed.startsWith('file:');
}

async function loadPath(listed: string, { folder, version }: LoadOptions): Promise<FoundPlugin> {
  const file = listed.startsWith('file:') ? fileURLToPath(listed) : resolve(folder, listed);
  if (!(await isFile(file))) throw new PluginLoadError(`there is no file ${file}`);
  const { href } = pathToFileURL(file);
  return { ...(await importPlugin(version === undefined ? href : withVersion(href, version), file)), file };
}

async function loadPackage(
  listed: string,
  builtIns: ReadonlyMap<string, BuiltIn>,
  { folder, version }: LoadOptions,
): Promise<FoundPlugin> {
  const parent = pathToFileURL(resolve(folder, 'config.yaml')).href;
  let url: string;
  try {
    url = import.meta.resolve(packageSpecifier(listed, parent));
  } catch (error) {
    throw new PluginLoadError(await unknownPlugin(listed, builtIns, folder, importFailure(error)), { cause: error });
  }
  if (!url.startsWith('file:')) throw new PluginLoadError(`'${listed}' is a part of Node.js, not a plugin`);
  const file = fileURLToPath(url);
  return {
    ...(await importPlugin(
      version === undefined ? url : withVersion(url, version),
      `the package '${listed}' (${file})`,
    )),
    file,
  };
}

async function unknownPlugin(
  listed: string,
  builtIns: ReadonlyMap<string, BuiltIn>,
  folder: string,
  reason: string,
): Promise<string> {
  if (await isFile(resolve(folder, listed)))
    return `no plugin '${listed}': for the file of that name write './${listed}'`;
  const names = [...builtIns.keys()];
  const meant = nearest(listed, names);
  if (meant !== undefined) return `no plugin '${listed}', did you mean '${meant}'?`;
  const isName = /^[a-z][\w-]*$/.test(listed);
  return `no plugin '${listed}': ${isName ? `not a built-in one (${names.join(', ')}) and ` : ''}no package that ${folder} can import: ${reason}`;
}

async function importPlugin(url: string, what: string): Promise<{ plugin: Plugin; record: PluginRecord }> {
  let namespace: object;
  try {
    namespace = (await import(url)) as object;
  } catch (error) {
    const reason = (await wrongDoorAdvice(error)) ?? importFailure(error);
    throw new PluginLoadError(`${what} does not load: ${reason}`, { cause: error });
  }
  const exported: unknown = 'default' in namespace ? namespace.default : undefined;
  // A CommonJS file compiled from `export default` holds the plugin one level deeper.
  const plugin = isWrapped(exported) ? exported.default : exported;
  const record = pluginRecord(plugin);
  if (record) return { plugin: plugin as Plugin, record };
  const given =
    exported === undefined ? 'has no default export' : 'has a default export that definePlugin did not make';
  throw new PluginLoadError(
    `${what} ${given}; a plugin is 'export default definePlugin({ … })' with definePlugin from 'optigate'`,
  );
}

/** The advice for a name that was imported from the wrong one of the two entry points; undefined for other failures. */
async function wrongDoorAdvice(error: unknown): Promise<string | undefined> {
  const missing = missingExport(error);
  if (!missing || !Object.hasOwn(DOORS, missing.specifier)) return undefined;
  const { specifier, name } = missing;
  for (const [door, url] of Object.entries(DOORS)) {
    const exported = (await import(url)) as object;
    if (door !== specifier && name in exported)
      return `'${name}' is exported by '${door}', not by '${specifier}': write \`import { ${name} } from '${door}'\``;
  }
  return undefined;
}

function isWrapped(value: unknown): value is { readonly default: unknown } {
  return typeof value === 'object' && value !== null && 'default' in value;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
