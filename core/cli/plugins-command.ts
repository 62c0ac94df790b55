import { describeSchema, toJsonSchema, type JsonSchema } from '../config/expectation.ts';
import { table } from './check-command.ts';
import { type SchemaPlugin, builtInPlugins, configSchema } from '../config/json-schema.ts';
import { loadConfig } from '../config/load.ts';

/** Prints every plugin with its options, their kinds, defaults and descriptions. */
export async function pluginsCommand(options: { path: string | undefined }): Promise<number> {
  const plugins = await allPlugins(options.path);
  console.log(plugins.map(printPlugin).join('\n\n'));
  return 0;
}

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

/** Name, kind, default, description; options inside options by dotted names. */
export function optionRows(schema: JsonSchema, prefix = ''): string[][] {
  const required = new Set(schema.required);
  return Object.entries(schema.properties ?? {}).flatMap(([key, option]) => {
    const name = prefix + key;
    if (option.properties) return optionRows(option, `${name}.`);
    const rows = [[name, describeSchema(option), presetOf(option, required.has(key)), option.description ?? '']];
    return option.items?.properties ? [...rows, ...optionRows(option.items, `${name}[].`)] : rows;
  });
}

function presetOf({ default: preset }: JsonSchema, isRequired: boolean): string {
  if (preset !== undefined) return `default ${JSON.stringify(preset)}`;
  return isRequired ? 'required' : 'optional';
}

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

/** Prints the JSON Schema of the file, the listed custom plugins' options included. */
export async function schemaCommand(options: { path: string | undefined }): Promise<number> {
  console.log(JSON.stringify(configSchema(await allPlugins(options.path)), null, 2));
  return 0;
}
