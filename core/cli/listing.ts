import { loadConfig } from '../config/load.ts';
import { builtInPlugins, type SchemaPlugin } from '../config/json-schema.ts';

export interface ListedPlugin extends SchemaPlugin {
  readonly isListed: boolean;
  /** A custom plugin's file; undefined = built in. */
  readonly file: string | undefined;
}

/** All built-in plugins, and the custom ones that the configuration lists. */
export async function allPlugins(path: string | undefined): Promise<readonly ListedPlugin[]> {
  const [builtIn, config] = await Promise.all([builtInPlugins(), loadConfig({ path })]);
  const used = new Set([...config.plugins, ...config.implied].map(({ record }) => record.name));
  const custom = config.plugins.filter(({ file }) => file !== undefined);
  return [
    ...builtIn.map((plugin) => ({ ...plugin, isListed: used.has(plugin.record.name), file: undefined })),
    ...custom.map(({ listed, record, file }) => ({ listed, record, file, isListed: true, isProvider: false })),
  ];
}
