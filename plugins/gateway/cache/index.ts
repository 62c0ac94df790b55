/**
 * The exact cache: answers a request that was answered before without a call. It works on two levels: a client's whole
 * request, and each call that an approach makes, so that a repeated request does not pay again for the calls of an
 * approach that was interrupted. Equal requests at the same time share one call.
 */
import { createHash } from 'node:crypto';
import {
  definePlugin,
  duration,
  countRecalled,
  size,
  STAGE,
  z,
  type Call,
  type Exchange,
  type Operation,
} from '../../../core/index.ts';
import { directivesOf, type Directives } from './directives.ts';
import type { Form } from './entry.ts';
import type { Flight } from './flights.ts';
import { answerKey, callKey } from './key.ts';
import { createLookup, type CacheState } from './lookup.ts';
import { MemoryStore } from './memory.ts';
import { RedisStore } from './redis.ts';
import { withTraceOfHit } from './trace-of-hit.ts';

const NAME = 'cache';
const REDIS_URL = /^rediss?:\/\//;

const someBytes = size.refine((bytes) => bytes > 0, 'more than 0 bytes');
const redisUrl = z.string().regex(REDIS_URL, 'expected redis://host:port or rediss://host:port');

const options = z
  .strictObject({
    store: z
      .enum(['memory', 'redis'])
      .default('memory')
      .describe('memory = in each process; redis = shared and lasting, with memory in front.'),
    url: z
      .union([redisUrl, z.array(redisUrl).min(1)])
      .optional()
      .describe('With store: redis: redis://…, rediss://…, or a list of nodes of a cluster.'),
    ttl: duration.prefault('1h').describe('How long an answer is kept; a request may say x-optigate-cache-ttl.'),
    scope: z
      .enum(['identity', 'shared'])
      .default('identity')
      .describe('identity = own entries for everyone who asks and every key that pays; shared = all share all.'),
    max_bytes: someBytes
      .prefault('64mb')
      .describe('Memory for entries, per process; the least recently used go first.'),
    max_entry_bytes: someBytes.prefault('1mb').describe('A larger answer is not stored.'),
    memory_ttl: duration
      .prefault('30s')
      .describe('With store: redis: how long an entry is answered from memory alone.'),
    namespace: z
      .string()
      .regex(/^[\w.:-]+$/)
      .default('optigate')
      .describe('With store: redis: what its keys begin with.'),
    compress_above: size.prefault('8kb').describe('With store: redis: larger entries are compressed.'),
  })
  .refine(({ store, url }) => store === 'memory' || url !== undefined, {
    path: ['url'],
    message: "a url with store: redis, such as 'redis://127.0.0.1:6379'",
  });
type Options = z.output<typeof options>;

export default definePlugin({
  name: NAME,
  description:
    'Answers repeated requests from memory or Redis, and lets equal requests at the same time share one call.',
  options,
  needsStreamUsage: true,
  apply({ hooks, app, checks, clock, keep, log }, settings) {
    const { scope, max_bytes } = settings;
    const redis = settings.store === 'redis' ? keepRedis(settings) : undefined;
    const ask = createLookup({
      memory: keepMemory(max_bytes),
      redis,
      flights: keep('flights', () => new Map<string, Flight>()),
      clock,
      ttlMs: settings.ttl,
      memoryTtlMs: settings.memory_ttl,
      maxEntryBytes: settings.max_entry_bytes,
    });
    const directivesByExchange = new WeakMap<Exchange, Directives>();

    hooks.answer.tap({ name: NAME, stage: STAGE.answer.cache }, (call, next) => {
      const { exchange } = call;
      const { plan, headers } = exchange;
      if (!plan || !isCacheable(exchange)) return next(call);
      let isHit = false;
      const mark = (state: CacheState) => {
        isHit = state === 'hit';
        headers.set('x-optigate-cache', state);
      };
      const directives = directivesOf(exchange);
      directivesByExchange.set(exchange, directives);
      if (directives.skipsAll || isStateful(exchange)) {
        mark('bypass');
        return next(call);
      }
      const form = formFor(call, asksForUsage(exchange) ? 'stream_with_usage' : 'stream');
      const answer = ask({
        call,
        next,
        key: answerKey(call, plan, scope),
        form,
        directives,
        isLive: plan.isSingleCall,
        isPartial: () => exchange.isPartial === true,
        mark,
      });
      return plan.wantsTrace === true ? answer.then((reply) => (isHit ? withTraceOfHit(reply) : reply)) : answer;
    });

    hooks.upstream.tap({ name: NAME, stage: STAGE.upstream.cache }, async (call, next) => {
      const { exchange } = call;
      const directives = directivesByExchange.get(exchange);
      if (!directives || directives.skipsAll || exchange.plan?.isSingleCall !== false) return next(call);
      let isHit = false;
      const reply = await ask({
        call,
        next,
        key: callKey(call, scope),
        form: formFor(call, 'stream_with_usage'),
        directives,
        isLive: true,
        mark: (state) => {
          isHit = state === 'hit';
        },
      });
      // Usage from the cache counts in the answer, so that it reports the same whether or not calls were cached.
      return isHit ? countRecalled(reply, call) : reply;
    });

    if (redis) {
      checks.add('redis', () => (redis.isUp ? 'up' : 'down'));
      // Connects only when all plugins were applied, so that a start that fails leaves no connection open.
      let close: (() => Promise<void>) | undefined;
      app.addHook('onReady', async () => {
        close = await redis.open();
      });
      hooks.shutdown.tapPromise(NAME, async () => close?.());
    }

    /** The entries in memory survive a reload, unless `max_bytes` changes. */
    function keepMemory(maxBytes: number): MemoryStore {
      const kept = keep('memory', () => ({ store: new MemoryStore(maxBytes, clock) }));
      if (kept.store.maxBytes !== maxBytes) kept.store = new MemoryStore(maxBytes, clock);
      return kept.store;
    }

    /** The connection survives a reload, unless its settings change. */
    function keepRedis({ url = '', namespace, max_entry_bytes, compress_above }: Options): RedisStore {
      const redisSettings = { url, namespace, maxEntryBytes: max_entry_bytes, zipAbove: compress_above };
      const digest = createHash('sha256').update(JSON.stringify(redisSettings)).digest('base64url');
      return keep(`redis/${digest}`, () => new RedisStore(redisSettings, clock, log));
    }
  },
});

const OPERATIONS: ReadonlySet<Operation> = new Set(['chat', 'completions', 'embeddings', 'responses', 'messages']);

/** Does the answer depend on nothing but the request? */
function isCacheable({ operation, client, upload }: Exchange): boolean {
  return OPERATIONS.has(operation) && client.method === 'POST' && upload === undefined;
}

/** Does a request to the Responses API use something that the provider stores, or store something there? */
function isStateful({ operation, request }: Exchange): boolean {
  if (operation !== 'responses') return false;
  const { previous_response_id, conversation, background, store } = request.value as Readonly<Record<string, unknown>>;
  return (previous_response_id ?? conversation ?? undefined) !== undefined || background === true || store === true;
}

/** The form that a call wants: `stream` is the one if it wants a stream. */
function formFor(call: Call, stream: Form): Form {
  return call.request.value.stream === true ? stream : 'complete';
}

/** Did the client ask for usage in its stream? Plugins add that to the call only, not to the client's request. */
function asksForUsage({ request }: Exchange): boolean {
  const { stream_options } = request.value as { stream_options?: { include_usage?: unknown } | null };
  return stream_options?.include_usage === true;
}
