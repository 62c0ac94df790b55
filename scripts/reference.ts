/**
 * Prints docs/reference.md: every key of the configuration file and every option of the built-in plugins, from their
 * schemas.
 */
import { optionRows } from '../core/cli/plugins-command.ts';
import { toJsonSchema, type JsonSchema } from '../core/config/expectation.ts';
import { fileSettings, upstream } from '../core/config/schema.ts';
import type { PluginRecord } from '../core/plugin/define.ts';
import { listBuiltIns, loadBuiltIn } from '../core/plugin/load-plugin.ts';

const HEAD = `<!-- Written by \`npm run docs\` from the schemas. Do not edit. -->

# Reference

Every key of \`config.yaml\` and every option of the built-in plugins, with type, default and meaning.
[configuration.md](configuration.md) explains them; \`optigate plugins\` prints the same for your own file, your own plugins included.
Durations are \`500ms\`, \`30s\`, \`10m\`, \`1h\` or a number of milliseconds; sizes are \`64kb\`, \`32mb\` or a number of bytes.`;

/** The chapters about plugins. Each is about the plugins of one folder, `group`. */
const CHAPTERS: readonly (readonly [group: string, title: string, text: string])[] = [
  [
    'gateway',
    'Plugins around every request',
    'Listed under `plugins`, by name alone or with options: `- retry: { attempts: 5 }`.',
  ],
  [
    'approaches',
    'Approaches',
    'Listed under `plugins`, but for `none`, which is always there. A request may set the same options: [approaches.md](approaches.md#options-of-a-request).',
  ],
  [
    'providers',
    'Providers',
    'Named by `upstreams.<name>.provider`, which loads them. Their options are further keys of that upstream.',
  ],
];

export async function printReference(): Promise<string> {
  const builtIns = [...(await listBuiltIns()).values()];
  const records = await Promise.all(builtIns.map(async (builtIn) => (await loadBuiltIn(builtIn)).record));
  const inGroup = (group: string) => records.filter((_, index) => builtIns[index]?.group === group);
  return [
    HEAD,
    '## The file',
    optionTable(toJsonSchema(fileSettings)),
    '## Upstreams',
    'Keys of each entry under `upstreams`. The first entry is the default upstream.',
    optionTable(toJsonSchema(upstream)),
    ...CHAPTERS.flatMap(([group, title, text]) => [`## ${title}`, text, ...inGroup(group).flatMap(pluginText)]),
    '',
  ].join('\n\n');
}

function pluginText({ name, description, schema }: PluginRecord): string[] {
  return [`### ${name}`, description, optionTable(toJsonSchema(schema))];
}

function optionTable(schema: JsonSchema): string {
  const rows = optionRows(schema).map(([name = '', type = '', preset = '', meaning = '']) => [
    `\`${name}\``,
    type,
    presetCell(preset),
    meaning,
  ]);
  if (rows.length === 0) return 'No options.';
  const lines = [['option', 'type', 'default', 'meaning'], ['---', '---', '---', '---'], ...rows.map(escaped)];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** `default 3` → `` `3` ``; `required` and `optional` as they are. */
function presetCell(preset: string): string {
  return preset.startsWith('default ') ? `\`${preset.slice('default '.length)}\`` : preset;
}

function escaped(cells: readonly string[]): string[] {
  return cells.map((cell) => cell.replaceAll('|', String.raw`\|`).replaceAll('<', '&lt;'));
}
