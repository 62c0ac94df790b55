/** The values to fill JSON with. */
export interface Filling {
  readonly text: string;
  /** Undefined = 1. */
  readonly number: number | undefined;
}

type Schema = Readonly<Record<string, unknown>>;

/** From this depth on, optional members are left out and arrays are empty, so that recursive schemas end. */
const MAX_DEPTH = 6;

/**
 * A small value that conforms to a JSON Schema: with all members, the first alternative, and the fewest items. Ignores
 * `pattern` and conditions.
 */
export function conforming(schema: unknown, filling: Filling): unknown {
  return valueOf(schema, filling, asSchema(schema), 0);
}

function valueOf(given: unknown, filling: Filling, root: Schema, depth: number): unknown {
  const schema = resolve(given, root);
  if ('const' in schema) return schema['const'];
  if (Array.isArray(schema['enum'])) return schema['enum'][0];
  if ('default' in schema) return schema['default'];
  for (const union of ['anyOf', 'oneOf']) {
    const alternatives = schema[union];
    if (Array.isArray(alternatives)) return valueOf(alternatives[0], filling, root, depth + 1);
  }
  switch (typeOf(schema)) {
    case 'object':
      return objectOf(schema, filling, root, depth);
    case 'array':
      return arrayOf(schema, filling, root, depth);
    case 'integer':
    case 'number':
      return numberOf(schema, filling);
    case 'boolean':
      return true;
    case 'null':
      return null;
    default:
      return stringOf(schema, filling);
  }
}

function objectOf(schema: Schema, filling: Filling, root: Schema, depth: number): Record<string, unknown> {
  if (depth > 2 * MAX_DEPTH) return {};
  const properties = asSchema(schema['properties']);
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  const names = Object.keys(properties).filter((name) => depth < MAX_DEPTH || required.includes(name));
  // fromEntries makes `__proto__` an ordinary member; an assignment would set the prototype.
  return Object.fromEntries(names.map((name) => [name, valueOf(properties[name], filling, root, depth + 1)]));
}

function arrayOf(schema: Schema, filling: Filling, root: Schema, depth: number): unknown[] {
  const prefix = Array.isArray(schema['prefixItems']) ? schema['prefixItems'] : [];
  const least = Math.min(asNumber(schema['minItems']) ?? (depth < MAX_DEPTH ? 1 : 0), 100);
  const length = Math.max(prefix.length, Math.min(least, asNumber(schema['maxItems']) ?? least));
  return Array.from({ length }, (_, index) => valueOf(prefix[index] ?? schema['items'], filling, root, depth + 1));
}

function numberOf(schema: Schema, { number = 1 }: Filling): number {
  const isWhole = typeOf(schema) === 'integer';
  const step = asNumber(schema['multipleOf']) ?? (isWhole ? 1 : undefined);
  const above = asNumber(schema['exclusiveMinimum']);
  const below = asNumber(schema['exclusiveMaximum']);
  const low = asNumber(schema['minimum']) ?? (above === undefined ? -Infinity : above + (step ?? 1e-6));
  const high = asNumber(schema['maximum']) ?? (below === undefined ? Infinity : below - (step ?? 1e-6));
  const bounded = Math.min(Math.max(number, low), high);
  if (step === undefined) return bounded;
  const up = Math.ceil(bounded / step) * step;
  return up <= high ? up : Math.floor(bounded / step) * step;
}

const FORMATS: Readonly<Record<string, string>> = {
  'date-time': '2024-01-01T00:00:00Z',
  date: '2024-01-01',
  time: '00:00:00Z',
  email: 'demo@example.com',
  uri: 'https://example.com/demo',
  url: 'https://example.com/demo',
  uuid: '00000000-0000-4000-8000-000000000000',
};

function stringOf(schema: Schema, { text }: Filling): string {
  const format = typeof schema['format'] === 'string' ? FORMATS[schema['format']] : undefined;
  const least = Math.min(asNumber(schema['minLength']) ?? 0, 10_000);
  return (format ?? text).padEnd(least, '.').slice(0, asNumber(schema['maxLength']) ?? Infinity);
}

/** The schema with its references followed and its `allOf` merged. */
function resolve(given: unknown, root: Schema): Schema {
  let schema = asSchema(given);
  for (let hops = 0; typeof schema['$ref'] === 'string' && hops < 20; hops++) schema = lookup(root, schema['$ref']);
  const parts = schema['allOf'];
  if (!Array.isArray(parts)) return schema;
  const resolved = parts.map((part) => (Object.hasOwn(asSchema(part), 'allOf') ? {} : resolve(part, root)));
  return {
    ...Object.assign({}, ...resolved, schema),
    properties: Object.assign({}, ...[...resolved, schema].map((part) => asSchema(part['properties']))),
  };
}

/** The part of the root that a reference such as `#/$defs/node` names; an empty schema if there is none. */
function lookup(root: Schema, reference: string): Schema {
  const path = reference.replace(/^#\/?/, '').split('/').filter(Boolean);
  let part: unknown = root;
  for (const step of path) {
    const key = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
    part = Object.hasOwn(asSchema(part), key) ? asSchema(part)[key] : undefined;
  }
  return asSchema(part);
}

function typeOf(schema: Schema): unknown {
  const { type } = schema;
  if (Array.isArray(type)) return type[0];
  if (type !== undefined) return type;
  if ('properties' in schema) return 'object';
  if ('items' in schema || 'prefixItems' in schema) return 'array';
  return 'string';
}

function asSchema(value: unknown): Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Schema) : {};
}

function asNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
