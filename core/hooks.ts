/**
 * START HERE: every hook of the program, in the order a request meets them.
 *
 *   client ─▶ authenticate ─▶ request ─▶ plan ─▶ answer( approaches ─▶ upstream( provider ) × n ) ─▶ response ─▶ client
 *                                                                                              chunk (per token)   finished
 */
import {
  AsyncParallelHook,
  AsyncSeriesBailHook,
  AsyncSeriesHook,
  AsyncSeriesWaterfallHook,
  SyncHook,
  SyncWaterfallHook,
} from 'tapable';
import type { Arrival, Exchange, Outcome, Plan, Wish } from './exchange/exchange.ts';
import type { IdentityGrant } from './exchange/identity.ts';
import type { LooseReply } from './exchange/reply.ts';
import { AroundHook } from './hooks/around.ts';
import { harden, type Registrar } from './hooks/harden.ts';
import type { Chunk } from './wire/chat/chat-types.ts';

/**
 * The taps of `answer` and of `upstream` surround each other like the layers of an onion: a call passes them inwards,
 * its reply outwards. These are their places, outermost first. The gaps are for third parties.
 */
export const STAGE = {
  answer: { observe: -300, cache: -200, deadline: -100 },
  upstream: { observe: -300, cache: -200, deadline: -100, retry: 0, limit: 50, attempt: 100 },
} as const;

/**
 * Creates the hooks of one pipeline. Each tap is checked when it is added; errors that it throws name its plugin and
 * hook.
 */
export function createHooks(registrar: Registrar) {
  const hooks = {
    /**
     * Who is asking? Only request line and headers are known. The first identity returned wins; if a plugin
     * that authenticates (`authenticates: true`) is listed and none is returned, the client gets 401.
     */
    authenticate: new AsyncSeriesBailHook<[Arrival], IdentityGrant | undefined>(['arrival'], 'authenticate'),

    /**
     * The caller is known, nothing is planned. Change the request (`exchange.request = …`), or throw to refuse it. Once
     * per request.
     */
    request: new AsyncSeriesHook<[Exchange]>(['exchange'], 'request'),

    /**
     * Which upstream, model and approaches? The first plan or wish returned wins; core plans a wish, and its own tap is
     * the last. Once per request.
     */
    plan: new AsyncSeriesBailHook<[Exchange], Plan | Wish | undefined>(['exchange'], 'plan'),

    /** Around the whole answer, once per request: the approaches, or the one call of a plain request. */
    answer: new AroundHook('answer'),

    /** Around each upstream call, of approaches and of plain requests; what retry repeats lies inside. */
    upstream: new AroundHook('upstream'),

    /** One decoded chunk on its way to the client. Sync, once per token; while it is untapped, bytes pass undecoded. */
    chunk: new SyncWaterfallHook<[Chunk, Exchange]>(['chunk', 'exchange'], 'chunk'),

    /**
     * The reply is known. Return another to replace it, or set headers: they reach the client unless keep-alives or
     * progress went out before. Once per request.
     */
    response: new AsyncSeriesWaterfallHook<[LooseReply, Exchange]>(['reply', 'exchange'], 'response'),

    /**
     * The answer is sent or given up. Count, log. An error thrown here is only logged. Once per request, except those
     * that are refused before their body is read: nothing ran for them.
     */
    finished: new SyncHook<[Exchange, Outcome]>(['exchange', 'outcome'], 'finished'),

    /** The pipeline ends (shutdown, or a reload replaced it): close what `apply` opened. */
    shutdown: new AsyncParallelHook<[]>([], 'shutdown'),
  };
  harden(hooks, registrar);
  return Object.freeze(hooks);
}

/** The hooks of one pipeline, which `apply` taps. */
export type Hooks = ReturnType<typeof createHooks>;
/** The name of a hook. */
export type HookName = keyof Hooks;

/** The names of all hooks, in the order in which a request meets them. */
export const HOOK_NAMES = [
  'authenticate',
  'request',
  'plan',
  'answer',
  'upstream',
  'chunk',
  'response',
  'finished',
  'shutdown',
] as const satisfies readonly HookName[];
