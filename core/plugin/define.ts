import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Approaches, OptionsSchema } from '../approach/types.ts';
import type { Clock } from '../clock.ts';
import type { Exchange, Wish } from '../exchange/exchange.ts';
import type { Identity } from '../exchange/identity.ts';
import type { GuardedFetch } from '../fetch/guarded-fetch.ts';
import type { Hooks } from '../hooks.ts';
import type { ProviderRegistry } from '../upstream/provider.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks, on routes of plugins; undefined on a public one. */
    identity: Identity | undefined;
  }
}

/** What a check reports. `/ready` shows it and stays 200 when one is down. */
export type CheckState = 'up' | 'down';

/** Checks that a plugin adds to the answer of `/ready`. */
export interface Checks {
  /** Throws if the name is taken. A check that throws, or takes longer than a second, counts as down. */
  add(name: string, check: () => CheckState | Promise<CheckState>): void;
}

/** What `apply` is given. */
export interface PluginContext<O> {
  readonly hooks: Hooks;
  readonly approaches: Approaches<O>;
  readonly providers: Pick<ProviderRegistry, 'add'>;
  readonly checks: Checks;
  /** For the plugin's own routes: `authenticate` must admit their callers, unless `{ config: { public: true } }`. */
  readonly app: FastifyInstance;
  readonly log: Logger;
  readonly clock: Clock;
  /**
   * Fetches addresses that a user, a model or a page names: public hosts only, limited in redirects, bytes and time.
   */
  readonly fetch: GuardedFetch;
  /** Names of the configured upstreams. Use it to check options that name one. */
  readonly upstreams: readonly string[];
  /**
   * What the client asks for by a field, header, model prefix or tag: its approach, and its model without prefixes.
   * For taps on `plan`, which may return another wish. Throws a 400 if the request is malformed.
   */
  readonly wishOf: (exchange: Exchange) => Promise<Wish>;
  /** For what must survive a reload (pools, budgets, counters): creates it once per key, later returns the same one. */
  readonly keep: <T>(key: string, create: () => T) => T;
}

/** What a plugin's author passes to `definePlugin`. */
export interface PluginDefinition<S extends OptionsSchema> {
  /** Unique: two plugins of one name cannot be listed. Lower case letters, digits, `_` and `-`. */
  readonly name: string;
  /** One sentence that says what the plugin does for its user. */
  readonly description: string;
  /** Schema of the options in the configuration file; unknown keys are refused if it is strict. Default: no options. */
  readonly options?: S;
  /** Names of plugins that must be listed as well, in any order. */
  readonly dependencies?: readonly string[];
  /** The plugin decides who may use the proxy: a request that no `authenticate` tap accepts gets a 401. */
  readonly authenticates?: boolean;
  /** May the server listen for other machines, with these options? Default: the value of `authenticates`. */
  guards?(options: z.output<S>): boolean;
  /**
   * With these options, is a caller served of whom nothing is known? Then web pages of other sites are kept out. Default:
   * no, if the plugin authenticates.
   */
  admitsAnybody?(options: z.output<S>): boolean;
  /** The plugin needs the token usage of streams, so streamed chat calls ask the upstream for it. */
  readonly needsStreamUsage?: boolean;
  apply(context: PluginContext<z.output<S>>, options: z.output<S>): void | Promise<void>;
}

/** A plugin's definition with its defaults filled in, as the loader reads it. */
export interface PluginRecord {
  readonly name: string;
  readonly description: string;
  readonly schema: OptionsSchema;
  readonly dependencies: readonly string[];
  readonly authenticates: boolean;
  readonly needsStreamUsage: boolean;
  guards(options: object): boolean;
  admitsAnybody(options: object): boolean;
}

/** What fastify passes to a plugin's function when the plugin is applied. */
export interface PluginRegistration {
  readonly context: PluginContext<object>;
  readonly options: object;
}

const RECORD = Symbol.for('optigate.plugin');

/** A fastify plugin that carries its `PluginRecord`. Only `definePlugin` makes one. */
export interface Plugin {
  (app: FastifyInstance, registration: PluginRegistration): Promise<void>;
  readonly [RECORD]: PluginRecord;
}

const NO_OPTIONS = z.strictObject({});

/**
 * Makes a plugin from a name, a description, a schema of its options, and a function that taps the hooks. A plugin's
 * module exports the result as its default. Throws a `TypeError` that names the field if the definition is wrong.
 */
export function definePlugin<const S extends OptionsSchema = typeof NO_OPTIONS>(
  definition: PluginDefinition<S>,
): Plugin {
  const { name, description, dependencies = [] } = definition;
  if (typeof name !== 'string' || !/^[a-z][a-z0-9_-]*$/.test(name)) {
    throw new TypeError(
      `definePlugin: 'name' must be lower case letters, digits, '_' and '-', got ${JSON.stringify(name)}`,
    );
  }
  if (typeof description !== 'string' || description === '')
    throw new TypeError(`definePlugin: '${name}' needs a 'description'`);
  if (typeof definition.apply !== 'function') throw new TypeError(`definePlugin: '${name}' needs a function 'apply'`);
  const record: PluginRecord = {
    name,
    description,
    schema: definition.options ?? NO_OPTIONS,
    dependencies,
    authenticates: definition.authenticates ?? false,
    needsStreamUsage: definition.needsStreamUsage ?? false,
    // The loader parsed the options with this schema, so they have its type.
    guards: (options) => definition.guards?.(options as z.output<S>) ?? definition.authenticates ?? false,
    admitsAnybody: (options) => definition.admitsAnybody?.(options as z.output<S>) ?? !definition.authenticates,
  };
  const register = async (app: FastifyInstance, { context, options }: PluginRegistration) => {
    // The loader parsed the options with this plugin's schema, so they have its type.
    await definition.apply({ ...context, app }, options as z.output<S>);
  };
  const plugin = fastifyPlugin(register, { name: `optigate-${name}`, fastify: '5.x' });
  return Object.assign(plugin, { [RECORD]: record });
}

/** The record of a plugin made by `definePlugin`; undefined for anything else. */
export function pluginRecord(value: unknown): PluginRecord | undefined {
  return typeof value === 'function' && RECORD in value ? (value[RECORD] as PluginRecord) : undefined;
}
