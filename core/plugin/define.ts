import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { z } from 'zod';
import type { Approaches, OptionsSchema } from '../approach/types.ts';
import type { Clock } from '../clock.ts';
import type { GuardedFetch } from '../fetch/guarded-fetch.ts';
import type { Exchange, Wish } from '../exchange/exchange.ts';
import type { Hooks } from '../hooks.ts';
import type { Logger } from 'pino';
import type { ProviderRegistry } from '../upstream/provider.ts';
import type { Identity } from '../exchange/identity.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks, on routes of plugins; undefined on a public one. */
    identity: Identity | undefined;
  }
}

export type CheckState = 'up' | 'down';

/** Entries of `/ready`. */
export interface Checks {
  /** Throws when the name is taken. A check that throws counts as down. */
  add(name: string, check: () => CheckState | Promise<CheckState>): void;
}

/** All that `apply` gets. */
export interface PluginContext<O> {
  readonly hooks: Hooks;
  readonly approaches: Approaches<O>;
  readonly providers: Pick<ProviderRegistry, 'add'>;
  readonly checks: Checks;
  /** For routes of its own: behind auth unless `{ config: { public: true } }`. */
  readonly app: FastifyInstance;
  readonly log: Logger;
  readonly clock: Clock;
  /** Gets what a user, a model or a page names: only from public hosts, bounded in redirects, bytes and time. */
  readonly fetch: GuardedFetch;
  /** Names of the configured upstreams, to check options that name one. */
  readonly upstreams: readonly string[];
  /**
   * What a request itself asks for, by whatever mark: the approach it selects, and its model without prefixes. For taps on
   * `plan`, which may return another wish. Throws the 400 that a request gets whose marks cannot be read.
   */
  readonly wishOf: (exchange: Exchange) => Promise<Wish>;
  /** What must survive a reload (pools, budgets, counters): made once per key, handed back afterwards. */
  readonly keep: <T>(key: string, create: () => T) => T;
}

export interface PluginDefinition<S extends OptionsSchema> {
  /** Unique; for an approach its slug, too. */
  readonly name: string;
  /** One sentence: what it does for its user. */
  readonly description: string;
  /** Checked strictly when the file is read. Default: no options. */
  readonly options?: S;
  /** Names of plugins that must be listed too, in whatever order. */
  readonly dependencies?: readonly string[];
  /** Takes charge of who may come in: a request that no `authenticate` tap accepts is then a 401. */
  readonly authenticates?: boolean;
  /** May other machines connect, with these options? Default: the value of `authenticates`. */
  guards?(options: z.output<S>): boolean;
  /** Needs the token usage of streams (caches, budgets, limits): streamed chat calls then ask for it. */
  readonly needsStreamUsage?: boolean;
  apply(context: PluginContext<z.output<S>>, options: z.output<S>): void | Promise<void>;
}

/** What the loader reads off a plugin. */
export interface PluginRecord {
  readonly name: string;
  readonly description: string;
  readonly schema: OptionsSchema;
  readonly dependencies: readonly string[];
  readonly authenticates: boolean;
  readonly needsStreamUsage: boolean;
  guards(options: object): boolean;
}

export interface PluginRegistration {
  readonly context: PluginContext<object>;
  readonly options: object;
}

const RECORD = Symbol.for('optigate.plugin');

/** A fastify plugin that carries its own description. Made by `definePlugin` only. */
export interface Plugin {
  (app: FastifyInstance, registration: PluginRegistration): Promise<void>;
  readonly [RECORD]: PluginRecord;
}

const NO_OPTIONS = z.strictObject({});

/**
 * Makes a plugin of a name, a description, a schema of its options, and a function that taps the pipeline's hooks.
 * The result is a module's default export. Throws a `TypeError` that names the field when the definition is wrong.
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
    // The loader has parsed these options by this very schema.
    guards: (options) => definition.guards?.(options as z.output<S>) ?? definition.authenticates ?? false,
  };
  const register = async (app: FastifyInstance, { context, options }: PluginRegistration) => {
    // The seam between plugins of unknown kinds and the options' own type: the loader has parsed them by this schema.
    await definition.apply({ ...context, app }, options as z.output<S>);
  };
  const plugin = fastifyPlugin(register, { name: `optigate-${name}`, fastify: '5.x' });
  return Object.assign(plugin, { [RECORD]: record });
}

/** The record of a plugin made by `definePlugin`; undefined for anything else. */
export function pluginRecord(value: unknown): PluginRecord | undefined {
  return typeof value === 'function' && RECORD in value ? (value[RECORD] as PluginRecord) : undefined;
}
