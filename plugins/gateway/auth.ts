/**
 * Decides who may use this proxy, and whose key pays. An access key says who is asking; an upstream key pays for the
 * call. docs/configuration.md has a table of the three modes; what the table does not allow gets a 401.
 */
import { createHash, hash, timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import {
  definePlugin,
  gatewayError,
  matches,
  z,
  type Arrival,
  type GatewayError,
  type IdentityGrant,
  type Incoming,
} from '../../core/index.ts';

const NAME = 'auth';
/** The longest key that a client may show. Real ones are far shorter, signed tokens included. */
const MAX_KEY_BYTES = 8 * 1024;
/** How much is remembered of holders of access keys: what each grant takes, and what all of them may take. */
const REMEMBERED = { grant: 512, all: 8 * 1024 * 1024 };

const accessKey = z.strictObject({
  name: z.string().min(1).describe('Who this is, for logs and limits. Unique.'),
  key: z.string().trim().min(1).describe('The key in clear, or sha256:<hex> of it.'),
  upstream_keys: z
    .record(z.string(), z.string().trim().min(1))
    .optional()
    .describe("Upstream name → the key that pays there for this caller, instead of the server's."),
  models: z
    .array(z.string())
    .min(1)
    .optional()
    .describe('Models this caller may use, with * as wildcard. Default: all.'),
});

const options = z.strictObject({
  mode: z
    .enum(['client', 'server', 'client_or_server'])
    .default('client_or_server')
    .describe("Whose upstream key pays: the client's own, the server's, or the client's where it brings one."),
  client_keys: z
    .array(z.string().min(1))
    .default(['sk-*', 'gsk_*', 'csk-*', 'AIza*', 'xai-*', 'r8_*', 'hf_*'])
    .describe("What counts as a client's own upstream key, with * as wildcard."),
  open: z.boolean().default(false).describe('Allow a non-loopback host without access keys.'),
  stored_objects: z
    .enum(['refuse', 'share'])
    .default('refuse')
    .describe(
      "What is kept at the provider under the server's key: refused to holders of access keys, or shared by all.",
    ),
  keys: z
    .array(accessKey)
    .default([])
    .describe('Access keys. With any, nobody else gets in without a key of their own.'),
});
type Options = z.output<typeof options>;
type AccessKey = Options['keys'][number];

export default definePlugin({
  name: NAME,
  description: "Decides who may use the proxy, and whether the client's or the server's key pays.",
  options,
  authenticates: true,
  guards: ({ keys, open }) => keys.length > 0 || open,
  // Without access keys any text passes as a key, so nobody is known by it.
  admitsAnybody: ({ keys }) => keys.length === 0,
  apply({ hooks, upstreams }, settings) {
    checkKeys(settings.keys, upstreams);
    const judge = createJudge(settings);
    hooks.authenticate.tap(NAME, ({ client }: Arrival) => judge(client));
  },
});

/** The credentials in a request's headers. */
interface Presented {
  /** An access key, or an upstream key of the caller's own. */
  readonly token: string | undefined;
  readonly isBearer: boolean;
  /** From `x-upstream-key`. */
  readonly upstreamKey: string | undefined;
}

/**
 * The table of modes as a function: credentials → caller. It throws a 401 for credentials that are not admitted, and
 * remembers holders of access keys. Of anybody else nothing is remembered: strangers can invent any number of keys.
 */
function createJudge(settings: Options): (client: Incoming) => IdentityGrant {
  const { mode } = settings;
  const hasKeys = settings.keys.length > 0;
  const lookUp = createKeyLookup(settings.keys);
  const isClientKey = (token: string) => settings.client_keys.some((pattern) => matches(pattern, token));
  const serverPays: IdentityGrant = Object.freeze({ id: 'anonymous', serverKey: true });
  // Keyed by a digest of the whole credentials, so that no key lies here in clear but those that are sent upstream.
  const remembered = new LRUCache<string, IdentityGrant>({
    maxSize: REMEMBERED.all,
    sizeCalculation: ({ upstreamKey = '' }) => REMEMBERED.grant + upstreamKey.length,
  });

  const ownKey = (key: string, isBearer: boolean): IdentityGrant => ({
    id: `client:${digest(key)}`,
    upstreamKey: key,
    ...(isBearer ? { isBearer } : {}),
    // The caller's key pays only where the request's model belongs. Elsewhere the caller is like one without a key.
    serverKey: mode === 'client_or_server' && !hasKeys,
    ...(hasKeys ? { isGuest: true } : {}),
  });
  const holderOf = (access: AccessKey, upstreamKey: string | undefined): IdentityGrant => {
    if (mode === 'client' && upstreamKey === undefined) {
      throw refusal(
        "This access key is known, but here callers pay themselves: send your upstream key in the header 'x-upstream-key'",
      );
    }
    return {
      id: `key:${access.name}`,
      name: access.name,
      serverKey: mode !== 'client',
      ...(settings.stored_objects === 'refuse' ? { storedObjects: 'own' } : {}),
      ...(access.models ? { models: access.models } : {}),
      ...(access.upstream_keys ? { upstreamKeys: access.upstream_keys } : {}),
      ...(upstreamKey === undefined ? {} : { upstreamKey }),
    };
  };
  const strangerOf = ({ token, upstreamKey, isBearer }: Presented): IdentityGrant => {
    if (mode === 'server') {
      if (hasKeys) throw refusal(needsAccessKey(token, mode));
      return serverPays;
    }
    if (upstreamKey !== undefined && !hasKeys) return ownKey(upstreamKey, false);
    if (token !== undefined && (mode === 'client' || isClientKey(token))) return ownKey(token, isBearer);
    if (mode === 'client') throw refusal("No key was given: send your upstream key as 'Authorization: Bearer <key>'");
    if (hasKeys) throw refusal(needsAccessKey(token, mode));
    return serverPays;
  };

  return (client) => {
    const presented = credentialsOf(client);
    const { token, upstreamKey } = presented;
    if (!hasKeys || token === undefined) return strangerOf(presented);
    const credentials = hash('sha256', upstreamKey === undefined ? token : `${token}\n${upstreamKey}`, 'base64url');
    const known = remembered.get(credentials);
    if (known) return known;
    const access = lookUp(token);
    if (!access) return strangerOf(presented);
    const grant = holderOf(access, upstreamKey);
    remembered.set(credentials, grant);
    return grant;
  };
}

function needsAccessKey(token: string | undefined, mode: Options['mode']): string {
  const given = token === undefined ? 'No access key was given' : 'The access key is not known here';
  const own = mode === 'server' ? '' : ', or an upstream key of your own in its place';
  return `${given}: send one as 'Authorization: Bearer <access key>' (ask whoever runs this proxy)${own}`;
}

function refusal(detail: string): GatewayError {
  return gatewayError('invalid_api_key', { detail }, { headers: { 'www-authenticate': 'Bearer' } });
}

/** If there are several credentials, the one that the endpoint's API uses counts. The others are never tried. */
function credentialsOf({ headers, path }: Incoming): Presented {
  const bearer = bearerOf(text(headers['authorization']));
  const anthropicKey = trimmed(text(headers['x-api-key']));
  const azureKey = trimmed(text(headers['api-key']));
  // Clients of Anthropic's API send `x-api-key`, all others a bearer.
  const sendsKeyHeader = path.startsWith('/v1/messages') || headers['anthropic-version'] !== undefined;
  const token = sendsKeyHeader ? (anthropicKey ?? bearer ?? azureKey) : (bearer ?? anthropicKey ?? azureKey);
  return {
    token: shortEnough(token),
    isBearer: token !== undefined && token === bearer,
    upstreamKey: shortEnough(trimmed(text(headers['x-upstream-key']))),
  };
}

function shortEnough(key: string | undefined): string | undefined {
  if (key !== undefined && key.length > MAX_KEY_BYTES)
    throw refusal(`A key has at most ${MAX_KEY_BYTES} characters, and the one that was sent is longer`);
  return key;
}

function bearerOf(header: string | undefined): string | undefined {
  const text = header?.trimStart();
  return text !== undefined && /^bearer\s/i.test(text) ? trimmed(text.slice('bearer '.length)) : undefined;
}

function text(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0];
}

function trimmed(value: string | undefined): string | undefined {
  const rest = value?.trim();
  return rest === '' ? undefined : rest;
}

/** Finds an access key: compares its digest in constant time with those of all keys, so that timing reveals nothing. */
function createKeyLookup(keys: readonly AccessKey[]): (token: string) => AccessKey | undefined {
  const digests = keys.map((key) => ({ key, digest: keyDigest(key.key) }));
  return (token) => {
    const given = createHash('sha256').update(token).digest();
    let found: AccessKey | undefined;
    for (const { key, digest } of digests) if (timingSafeEqual(given, digest)) found = key;
    return found;
  };
}

function keyDigest(key: string): Buffer {
  const hex = /^sha256:([0-9a-f]{64})$/i.exec(key)?.[1];
  return hex === undefined ? createHash('sha256').update(key).digest() : Buffer.from(hex, 'hex');
}

/**
 * Checks what the schema cannot: names that are used twice, upstreams that do not exist, malformed digests. Throws an
 * `Error`.
 */
function checkKeys(keys: readonly AccessKey[], upstreams: readonly string[]): void {
  const names = new Set<string>();
  for (const [index, key] of keys.entries()) {
    if (names.has(key.name)) throw new Error(`auth.keys[${index}].name: '${key.name}' is used twice`);
    names.add(key.name);
    if (/^sha256:/i.test(key.key) && !/^sha256:[0-9a-f]{64}$/i.test(key.key)) {
      throw new Error(`auth.keys[${index}].key: expected sha256: and 64 hex digits`);
    }
    for (const upstream of Object.keys(key.upstream_keys ?? {})) {
      if (!upstreams.includes(upstream)) {
        throw new Error(
          `auth.keys[${index}].upstream_keys: no upstream '${upstream}'; there are ${upstreams.join(', ')}`,
        );
      }
    }
  }
}

/** A short digest of a key. It reveals nothing of the key, so it may be logged and be part of cache keys. */
function digest(key: string): string {
  return hash('sha256', `optigate identity 2\n${key}`, 'base64url').slice(0, 16);
}
