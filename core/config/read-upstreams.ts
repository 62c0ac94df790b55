import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isRecord } from '../bytes/json.ts';
import { nearest } from '../nearest.ts';
import type { PluginRecord } from '../plugin/define.ts';
import type { Collector } from './collector.ts';
import type { UpstreamConfig } from './config.ts';
import type { Members } from './draft.ts';
import { knownKeys, toJsonSchema } from './expectation.ts';
import { upstream as upstreamSchema, upstreamName } from './schema.ts';
import { readFailure } from './source.ts';
import { unknownKey } from './unknown-key.ts';

/** Not checked by the schema, whose messages show the value: it may hold a password. */
const PROXY = /^(?:none|(?:https?:\/\/)?[^\s/?#]+\/?)$/;
const OWN_KEYS = new Set(Object.keys(upstreamSchema.shape));

/** What reading upstreams needs. */
export interface UpstreamParts {
  readonly collector: Collector;
  /** The configuration file's folder, which paths are relative to. */
  readonly folder: string;
  /** The environment variable that an upstream's key comes from or would come from. */
  keyVariable(name: string): string | undefined;
  /** The provider's plugin; `unknown` if a custom plugin may add the provider; undefined if there is none. */
  provider(name: string): PluginRecord | 'unknown' | undefined;
  /** The built-in providers, for suggestions. */
  readonly providerNames: readonly string[];
}

/** Checks the upstreams, in file order. Problems are collected; an upstream that has one is left out. */
export async function readUpstreams(value: unknown, parts: UpstreamParts): Promise<UpstreamConfig[]> {
  const { collector } = parts;
  if (!isRecord(value)) {
    collector.add(['upstreams'], 'expected names with their settings');
    return [];
  }
  const names = Object.keys(value);
  if (names.length === 0) collector.add(['upstreams'], 'expected at least one upstream');
  const read = await Promise.all(names.map((name) => readUpstream(name, value[name], parts)));
  return read.filter((upstream) => upstream !== undefined);
}

async function readUpstream(name: string, value: unknown, parts: UpstreamParts): Promise<UpstreamConfig | undefined> {
  const { collector } = parts;
  const path = ['upstreams', name];
  const isNameGood = upstreamName.safeParse(name).success;
  if (!isNameGood) collector.add(path, "not a valid name: expected letters, digits, '_', '-' and '.'", { isKey: true });
  if (value !== null && !isRecord(value)) {
    collector.add(path, 'expected settings such as base_url and api_key');
    return undefined;
  }
  const { own, extra } = split(value ?? {});
  const entry = collector.check(upstreamSchema, own, path);
  const isExtraGood = checkExtra(extra, entry?.provider ?? own['provider'] ?? 'openai', path, parts);
  if (!entry || !isExtraGood || !isNameGood) return undefined;
  if (entry.proxy !== undefined && !PROXY.test(entry.proxy))
    collector.add(
      [...path, 'proxy'],
      'expected none or the address of an HTTP proxy such as http://proxy.example:3128',
    );
  const ca = entry.tls.ca === undefined ? undefined : await readCa(entry.tls.ca, path, parts);
  const keyVariable = parts.keyVariable(name);
  return {
    name,
    provider: entry.provider,
    baseUrl: entry.base_url?.replace(/\/+$/, ''),
    // A variable read from a file ends with a line break, which no header can carry.
    apiKey: entry.api_key?.trim() || undefined,
    keyVariable,
    timeoutMs: entry.timeout,
    connectTimeoutMs: entry.connect_timeout,
    idleTimeoutMs: entry.idle_timeout,
    forwardHeaders: [entry.forward_headers].flat(),
    tls: { verify: entry.tls.verify, ...(ca === undefined ? {} : { ca }) },
    proxy: entry.proxy,
    extra,
  };
}

function split(value: Members): { own: Members; extra: Members } {
  const entries = Object.entries(value);
  return {
    own: Object.fromEntries(entries.filter(([key]) => OWN_KEYS.has(key))),
    extra: Object.fromEntries(entries.filter(([key]) => !OWN_KEYS.has(key))),
  };
}

/** Checks the keys that belong to the provider, by its plugin's options. False if one is wrong. */
function checkExtra(extra: Members, provider: unknown, path: readonly string[], parts: UpstreamParts): boolean {
  const { collector, providerNames } = parts;
  const keys = Object.keys(extra);
  if (typeof provider !== 'string') return false;
  const record = parts.provider(provider);
  if (record === undefined) {
    for (const key of keys) collector.add([...path, key], unknownKey(key, [...OWN_KEYS]), { isKey: true });
    const meant = nearest(provider, providerNames);
    const hint = meant === undefined ? `the known ones are ${providerNames.join(', ')}` : `did you mean '${meant}'?`;
    collector.add([...path, 'provider'], `no provider '${provider}', ${hint}`);
    return false;
  }
  if (keys.length === 0 || record === 'unknown') return true;
  const providersOwn = knownKeys(toJsonSchema(record.schema));
  const foreign = keys.filter((key) => !providersOwn.includes(key));
  for (const key of foreign) {
    collector.add([...path, key], unknownKey(key, [...OWN_KEYS, ...providersOwn]), { isKey: true });
  }
  const known = Object.fromEntries(Object.entries(extra).filter(([key]) => providersOwn.includes(key)));
  return collector.check(record.schema, known, path) !== undefined && foreign.length === 0;
}

/** `ca` is PEM text, or the path of a PEM file. */
async function readCa(
  ca: string,
  path: readonly string[],
  { collector, folder }: UpstreamParts,
): Promise<string | undefined> {
  if (ca.includes('-----BEGIN')) return ca;
  try {
    return await readFile(resolve(folder, ca), 'utf8');
  } catch (error) {
    collector.add([...path, 'tls', 'ca'], `${resolve(folder, ca)}: ${readFailure(error)}`);
    return undefined;
  }
}
