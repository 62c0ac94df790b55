import { z } from 'zod';
import type { Approach, ApproachFields, Approaches, Next, OptionsSchema } from '../approach/types.ts';
import type { Call } from '../exchange/exchange.ts';
import type { Reply } from '../exchange/reply.ts';
import type { PluginRecord } from '../plugin/define.ts';
import { CHAT_FIELDS, RESERVED_SLUGS } from './reserved-names.ts';

/** Options that are no flat fields of a body: a request has its own limits, and caps (`at_most`) are the server's. */
const FILE_ONLY: ReadonlySet<string> = new Set(['limits', 'at_most']);

/** The approaches of one pipeline, by slug. */
export interface ApproachRegistry {
  /**
   * The registry as a plugin's `apply` sees it. An approach added with `options` of its own starts from that schema's
   * defaults; else it has the plugin's options, as the file sets them. Adding throws a `TypeError` that names the
   * fault.
   * @param isBuiltIn  Requests may also set the options as flat fields of the body.
   */
  viewFor(plugin: PluginRecord, options: object, isBuiltIn?: boolean): Approaches<object>;
  get(slug: string): Approach | undefined;
  /** Is it a built-in approach that the configuration does not list? */
  isUnlisted(slug: string): boolean;
  readonly slugs: readonly string[];
  readonly all: readonly Approach[];
  /**
   * The flat fields of a body that set options of built-in approaches: `<option>` (unless the chat wire has a field of
   * that name), `<slug>_<option>`, and `<slug>_config`, which holds an object of options.
   */
  readonly flatOptions: FlatOptions;
}

/** A body's field → the options it sets: several if approaches share an option's name. */
export type FlatOptions = ReadonlyMap<string, readonly FlatOption[]>;

/** An option that a flat field sets. */
export interface FlatOption {
  readonly slug: string;
  /** Undefined: the field holds an object of options. */
  readonly option: string | undefined;
}

interface Definition extends ApproachFields {
  readonly options?: OptionsSchema | undefined;
  models?(options: object): readonly string[];
  run(call: Call, next: Next, options: object): Promise<Reply>;
}

/**
 * An empty registry.
 * @param builtIn  The slugs that may be listed without a file of one's own, for errors.
 */
export function createApproachRegistry(builtIn: readonly string[] = []): ApproachRegistry {
  const approaches = new Map<string, Approach>();
  const flatOptions = new Map<string, FlatOption[]>();

  const add = (plugin: PluginRecord, pluginOptions: object, isBuiltIn: boolean, slug: string, given: Definition) => {
    const complaint = complaintAbout(slug, given) ?? takenBy(approaches.get(slug));
    if (complaint) throw new TypeError(`plugin '${plugin.name}': approach '${slug}' ${complaint}`);
    const schema = given.options ?? plugin.schema;
    approaches.set(slug, {
      slug,
      kind: given.kind,
      per: given.per ?? 'request',
      isSingleCall: given.isSingleCall ?? false,
      selects: given.selects ?? false,
      description: given.description ?? plugin.description,
      schema,
      defaults: given.options ? defaultsOf(given.options, plugin.name, slug) : pluginOptions,
      plugin: plugin.name,
      ...(given.models ? { models: given.models.bind(given) } : {}),
      run: given.run.bind(given),
    });
    if (!isBuiltIn) return;
    const offer = (field: string, option: string | undefined) =>
      flatOptions.set(field, [...(flatOptions.get(field) ?? []), { slug, option }]);
    const names = optionNames(schema).filter((name) => !FILE_ONLY.has(name));
    for (const name of names) {
      if (!CHAT_FIELDS.has(name)) offer(name, name);
      if (!names.includes(`${slug}_${name}`)) offer(`${slug}_${name}`, name);
    }
    if (names.length > 0) offer(`${slug}_config`, undefined);
  };

  return {
    viewFor: (plugin, options, isBuiltIn = true) => ({
      // The registry does not know the options' types. `run` gets options that its own schema parsed, so they fit.
      add: (slug: string, given: object) => add(plugin, options, isBuiltIn, slug, given as Definition),
    }),
    get: (slug) => approaches.get(slug),
    isUnlisted: (slug) => builtIn.includes(slug) && !approaches.has(slug),
    get slugs() {
      return [...approaches.keys()];
    },
    get all() {
      return [...approaches.values()];
    },
    flatOptions,
  };
}

/** The names of a schema's options; empty if the schema is not a plain object's. */
export function optionNames(schema: OptionsSchema): readonly string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function complaintAbout(slug: string, given: Partial<Definition>): string | undefined {
  if (!/^[a-z][a-z0-9_-]*$/.test(slug)) return "must be named in lower case letters, digits, '_' and '-'";
  if (RESERVED_SLUGS.has(slug)) return 'has a name that means something else in a request';
  if (given.kind !== 'transformer' && given.kind !== 'answerer') return "needs a 'kind': transformer or answerer";
  if (typeof given.run !== 'function') return "needs a function 'run'";
  return undefined;
}

function takenBy(other: Approach | undefined): string | undefined {
  return other && `is offered by the plugin '${other.plugin}' already`;
}

function defaultsOf(schema: OptionsSchema, plugin: string, slug: string): object {
  const parsed = schema.safeParse({});
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map((issue) => issue.path.join('.')).join(', ');
  throw new TypeError(`plugin '${plugin}': approach '${slug}' needs a default for each of its options: ${fields}`);
}
