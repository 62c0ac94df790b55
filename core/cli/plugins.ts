import { describeSchema, toJsonSchema, type JsonSchema } from '../config/expectation.ts';
import { table } from './check.ts';
import { allPlugins, type ListedPlugin } from './listing.ts';

/** Prints every plugin with its options, their kinds, defaults and descriptions. */
export async function listPlugins(options: { path: string | undefined }): Promise<number> {
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
