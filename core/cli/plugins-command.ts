import { describeSchema, toJsonSchema, type JsonSchema } from '../config/expectation.ts';
import { type SchemaPlugin, builtInPlugins, configSchema } from '../config/json-schema.ts';
import { loadConfig } from '../config/load.ts';
import { nearest } from '../nearest.ts';
import { table } from './check-command.ts';

/**
 * `optigate plugins`: prints every plugin, or the named one, and its options with kinds, defaults and descriptions.
 * Resolves to exit code 0, or 2 if there is no plugin of that name.
 */
export async function pluginsCommand(options: {
  path: string | undefined;
  name?: string | undefined;
}): Promise<number> {
  const plugins = await allPlugins(options.path);
  const { name } = options;
  const shown = name === undefined ? plugins : plugins.filter(({ record }) => record.name === name);
  if (shown.length > 0) {
    console.log(shown.map(printPlugin).join('\n\n'));
    return 0;
  }
  const names = plugins.map(({ record }) => record.name);
  const meant = nearest(name ?? '', names);
  console.error(
    `optigate: there is no plugin '${name}', ${meant ? `did you mean '${meant}'?` : `only ${names.join(', ')}`}`,
  );
  return 2;
}

/** One plugin as text. */
export function printPlugin({ record, file, isListed }: ListedPlugin): string {
  const where = file ?? 'built in';
  const rows = optionRows(toJsonSchema(record.schema));
  return [
    `${record.name} (${where}${isListed ? ', loaded' : ''})`,
    `  ${record.description}`,
    ...(record.dependencies.length > 0 ? [`  Needs: ${record.dependencies.join(', ')}`] : []),
    ...table(rows).map((line) => `    ${line}`),
  ].join('\n');
}

/**
 * One row per option: name, kind, default, description. Nested options have dotted names.
 * @param prefix  Put before each name.
 */
export function optionRows(schema: JsonSchema, prefix = ''): string[][] {
  const required = new Set(schema.required);
  return Object.entries(schema.properties ?? {}).flatMap(([key, option]) => {
    const name = prefix + key;
    // Its members are the approach's other options: a row for each would say everything twice.
    if (key === 'at_most' && prefix === '')
      return [[name, `keys: ${Object.keys(option.properties ?? {}).join(', ')}`, 'optional', AT_MOST]];
    if (option.properties) return optionRows(option, `${name}.`);
    const rows = [[name, describeSchema(option), presetOf(option, required.has(key)), option.description ?? '']];
    return option.items?.properties ? [...rows, ...optionRows(option.items, `${name}[].`)] : rows;
  });
}

const AT_MOST = 'The highest values that requests may give these options.';

function presetOf({ default: preset }: JsonSchema, isRequired: boolean): string {
  if (preset !== undefined) return `default ${JSON.stringify(preset)}`;
  return isRequired ? 'required' : 'optional';
}

/** A plugin as `optigate plugins` shows it. */
export interface ListedPlugin extends SchemaPlugin {
  /** The configuration loads it. */
  readonly isListed: boolean;
  /** A custom plugin's file; undefined = built in. */
  readonly file: string | undefined;
}

/** All built-in plugins, and the custom ones that the configuration lists. Throws a `ConfigError`. */
export async function allPlugins(path: string | undefined): Promise<readonly ListedPlugin[]> {
  const [builtIn, config] = await Promise.all([builtInPlugins(), loadConfig({ path })]);
  const used = new Set([...config.plugins, ...config.implied].map(({ record }) => record.name));
  const custom = config.plugins.filter(({ file }) => file !== undefined);
  return [
    ...builtIn.map((plugin) => ({ ...plugin, isListed: used.has(plugin.record.name), file: undefined })),
    ...custom.map(({ listed, record, file }) => ({ listed, record, file, isListed: true, isProvider: false })),
  ];
}

/**
 * `optigate schema`: prints the JSON Schema of the file, with the options of listed custom plugins. Resolves to exit
 * code 0.
 */
export async function schemaCommand(options: { path: string | undefined }): Promise<number> {
  console.log(JSON.stringify(configSchema(await allPlugins(options.path)), null, 2));
  return 0;
}
