/** The JSON Schema of the whole file, for editors: the file's own keys and every plugin's options. */
import type { PluginRecord } from '../plugin/define.ts';
import { listBuiltIns, loadBuiltIn } from '../plugin/load-plugin.ts';
import { toJsonSchema, type JsonSchema } from './expectation.ts';
import { fileSettings, upstream, upstreamName } from './schema.ts';

/** A plugin that the file may list. */
export interface SchemaPlugin {
  /** As the file lists it. */
  readonly listed: string;
  readonly record: PluginRecord;
  /** Its options are keys of upstreams, too. */
  readonly isProvider: boolean;
}

/** Imports all built-in plugins. */
export async function builtInPlugins(): Promise<readonly SchemaPlugin[]> {
  const builtIns = [...(await listBuiltIns()).values()];
  const found = await Promise.all(builtIns.map(loadBuiltIn));
  return builtIns.flatMap(({ name, group }, index) => {
    const record = found[index]?.record;
    return record ? [{ listed: name, record, isProvider: group === 'providers' }] : [];
  });
}

/** The schema of a file that may list these plugins. Values may also be references such as `${NAME}`. */
export function configSchema(plugins: readonly SchemaPlugin[]): JsonSchema {
  const file = toJsonSchema(fileSettings);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'optigate configuration',
    ...withReferences({
      ...file,
      properties: {
        ...file.properties,
        upstreams: upstreamsSchema(plugins),
        plugins: pluginsSchema(plugins),
      },
    }),
    $defs: { reference: { type: 'string', pattern: String.raw`\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}` } },
  };
}

function upstreamsSchema(plugins: readonly SchemaPlugin[]): JsonSchema {
  const entry = toJsonSchema(upstream);
  const providers = plugins.filter(({ isProvider }) => isProvider);
  const own = providers.map(({ record }) => toJsonSchema(record.schema).properties ?? {});
  return {
    description: 'The servers that requests are forwarded to; the first is the default.',
    type: 'object',
    minProperties: 1,
    propertyNames: toJsonSchema(upstreamName),
    additionalProperties: {
      ...entry,
      properties: {
        ...Object.assign({}, ...own),
        ...entry.properties,
        provider: {
          ...entry.properties?.['provider'],
          anyOf: [{ enum: providers.map(({ record }) => record.name) }, { type: 'string' }],
        },
      },
    },
  };
}

function pluginsSchema(plugins: readonly SchemaPlugin[]): JsonSchema {
  const entries = plugins.map(({ listed, record }) => {
    const options = toJsonSchema(record.schema);
    return [listed, { description: record.description, anyOf: [options, { type: 'null' }] }] as const;
  });
  return {
    description:
      'Plugins by name, path or package, with options or without. Only listed ones are loaded, and the providers of upstreams.',
    type: 'array',
    items: {
      anyOf: [
        { enum: plugins.map(({ listed }) => listed) },
        { type: 'string' },
        {
          type: 'object',
          minProperties: 1,
          maxProperties: 1,
          properties: Object.fromEntries(entries),
          additionalProperties: { anyOf: [{ type: 'object' }, { type: 'null' }] },
        },
      ],
    },
  };
}

/** Allows a text with `${NAME}` in it for every value that is not an object or a list. */
function withReferences(schema: JsonSchema): JsonSchema {
  if (schema.anyOf?.every(isScalar)) return { ...schema, anyOf: [...schema.anyOf, REFERENCE] };
  const isPlainText = schema.type === 'string' && schema.enum === undefined && schema.pattern === undefined;
  if (!isScalar(schema) || isPlainText) return mapChildren(schema, withReferences);
  const { description, default: preset, title, ...rest } = schema;
  const annotations = Object.entries({ description, default: preset, title }).filter(
    ([, value]) => value !== undefined,
  );
  return { ...Object.fromEntries(annotations), anyOf: [rest, REFERENCE] };
}

const REFERENCE: JsonSchema = { $ref: '#/$defs/reference' };
const SCALARS = new Set(['integer', 'number', 'boolean', 'string']);

function isScalar(schema: JsonSchema): boolean {
  return schema.enum !== undefined || schema.const !== undefined || SCALARS.has(schema.type ?? '');
}

function mapChildren(schema: JsonSchema, map: (child: JsonSchema) => JsonSchema): JsonSchema {
  const { properties, items, additionalProperties, anyOf, oneOf, allOf } = schema;
  return {
    ...schema,
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([key, child]) => [key, map(child)])),
    }),
    ...(items && { items: map(items) }),
    ...(typeof additionalProperties === 'object' && { additionalProperties: map(additionalProperties) }),
    ...(anyOf && { anyOf: anyOf.map(map) }),
    ...(oneOf && { oneOf: oneOf.map(map) }),
    ...(allOf && { allOf: allOf.map(map) }),
  };
}
