/** Says in words what a schema expects. Works on its JSON Schema, which every plugin's options have. */
import { z } from 'zod';
import type { Path } from './problems.ts';

/** The keywords of JSON Schema that are used here. */
export interface JsonSchema {
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minLength?: number;
  readonly minItems?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly propertyNames?: JsonSchema;
  readonly items?: JsonSchema;
  readonly prefixItems?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly [keyword: string]: unknown;
}

/**
 * The JSON Schema of what a user writes, before transforms and defaults. What JSON Schema cannot express is left open,
 * so that anything is allowed there.
 */
export function toJsonSchema(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    // A mark of ours, which validators that are strict would refuse as an unknown keyword.
    override: ({ jsonSchema }) => void delete jsonSchema['serverOnly'],
  });
  return rest as JsonSchema;
}

/** The schema of the value at a path; undefined if there is none. */
export function schemaAt(schema: JsonSchema, path: Path): JsonSchema | undefined {
  const [step, ...rest] = path;
  if (step === undefined) return schema;
  for (const option of alternatives(schema)) {
    const child = typeof step === 'number' ? (option.prefixItems?.[step] ?? option.items) : memberOf(option, step);
    const found = child && schemaAt(child, rest);
    if (found) return found;
  }
  return undefined;
}

/** The keys that an object of this schema may have. */
export function knownKeys(schema: JsonSchema | undefined): readonly string[] {
  if (!schema) return [];
  return alternatives(schema).flatMap(({ properties = {} }) => Object.keys(properties));
}

/** `integer ≥ 1`, `one of "memory", "redis"`, `duration such as 500ms, 30s`. Empty if anything is allowed. */
export function describeSchema(schema: JsonSchema): string {
  const { title, examples = [] } = schema;
  if (title !== undefined) return examples.length > 0 ? `${title} such as ${examples.map(String).join(', ')}` : title;
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return [...new Set(options.map(describeSchema))].filter(Boolean).join(' or ');
  if (schema.enum)
    return schema.enum.length === 1
      ? JSON.stringify(schema.enum[0])
      : `one of ${schema.enum.map((value) => JSON.stringify(value)).join(', ')}`;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  switch (schema.type) {
    case 'integer':
    case 'number':
      return `${schema.type}${bounds(schema)}`;
    case 'string':
      return describeText(schema);
    case 'array':
      return schema.minItems ? `list of at least ${schema.minItems}` : 'list';
    case 'object':
      return 'keys with values';
    default:
      return schema.type ?? '';
  }
}

function describeText({ pattern, format, minLength }: JsonSchema): string {
  if (format !== undefined) return `text, a ${format}`;
  if (pattern !== undefined) return `text like /${pattern}/`;
  return minLength ? 'text that is not empty' : 'text';
}

function bounds({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonSchema): string {
  const least = minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER ? minimum : undefined;
  const most = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER ? maximum : undefined;
  if (least !== undefined && most !== undefined) return ` from ${least} to ${most}`;
  if (least !== undefined) return ` ≥ ${least}`;
  if (exclusiveMinimum !== undefined) return ` > ${exclusiveMinimum}${most === undefined ? '' : ` and ≤ ${most}`}`;
  if (most !== undefined) return ` ≤ ${most}`;
  return exclusiveMaximum === undefined ? '' : ` < ${exclusiveMaximum}`;
}

/** The schema and those that it combines, at any depth. */
function alternatives(schema: JsonSchema): readonly JsonSchema[] {
  const nested = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  return [schema, ...nested.flatMap(alternatives)];
}

function memberOf({ properties, additionalProperties }: JsonSchema, key: string): JsonSchema | undefined {
  if (properties && Object.hasOwn(properties, key)) return properties[key];
  return typeof additionalProperties === 'object' ? additionalProperties : undefined;
}
