/**
 * Builds the pipeline of a configuration: applies the plugins, adds core's own taps, seals the hooks, and folds the
 * layers of `answer` and `upstream` into one function each. A sealed pipeline does not change; a reload builds another
 * one. What must survive a reload is in `Kept`.
 */
import { noteMisspelt, withApproachHint } from './plan/approach-hint.ts';
import { listBuiltIns } from './plugin/load-plugin.ts';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { Clock } from './clock.ts';
import type { Config } from './config/config.ts';
import { gatewayError } from './errors.ts';
import {
  Call,
  type Arrival,
  type Exchange,
  type Handler,
  type Outcome,
  type Plan,
  type Wish,
} from './exchange/exchange.ts';
import type { IdentityGrant } from './exchange/identity.ts';
import { toReply, type Reply } from './exchange/reply.ts';
import { createTrace } from './exchange/trace.ts';
import { applyPlugins, type Check } from './gateway/apply-plugins.ts';
import { describePipeline, type PipelineDescription } from './gateway/describe.ts';
import { createKeyless } from './gateway/keyless.ts';
import { openUpstreams } from './gateway/open-upstreams.ts';
import { createHooks, type Hooks } from './hooks.ts';
import { settleBail, settleSeries } from './hooks/settle.ts';
import type { Kept } from './kept.ts';
import { homeOf } from './plan/destination.ts';
import { mayHavePrefix } from './plan/marks.ts';
import { createPlanning, isPlan, type Planning } from './plan/planning.ts';
import { createApproachRegistry } from './plan/registry.ts';
import { checkRights } from './plan/rights.ts';
import { withKeyless } from './plan/with-keyless.ts';
import { Capabilities } from './run/capabilities.ts';
import { createTransport } from './transport/transport.ts';
import { askForUsage } from './transport/usage-request.ts';
import { guardModels } from './upstream/allowed-models.ts';
import { createListing, type Listing } from './upstream/listing.ts';
import { OwnIds } from './upstream/own-ids.ts';
import { createStoredObjects } from './upstream/stored-objects.ts';
import { createUpstreams, type Upstreams } from './upstream/upstreams.ts';

/** What a pipeline is built with, beside its configuration. */
export interface GatewayDeps {
  /** Plugins add their routes to it. */
  readonly app: FastifyInstance;
  readonly log: Logger;
  readonly clock: Clock;
  /** Pools, budgets and the like, which the next pipeline takes over on a reload. */
  readonly kept: Kept;
  /**
   * May it look for a model server on this machine, if the configuration says `autodetect`? `optigate check` does not.
   */
  readonly detect: boolean;
  /** The name of the plugin that is being applied, else `core`; `isSealed` becomes true when the pipeline is built. */
  readonly registering: { owner: string; isSealed: boolean };
}

/** A sealed pipeline. `server/` calls `authenticate`, `handle` and `finish`, in this order, for each request. */
export interface Gateway {
  readonly config: Config;
  readonly hooks: Hooks;
  readonly app: FastifyInstance;
  readonly upstreams: Upstreams;
  readonly listing: Listing;
  readonly checks: readonly Check[];
  readonly log: Logger;
  readonly clock: Clock;
  /** Does a listed plugin count the tokens of streams? Then streamed chat calls ask the upstream for usage. */
  readonly needsStreamUsage: boolean;
  /** Is a caller served of whom nothing is known? */
  readonly admitsAnybody: boolean;
  /** The caller. Throws a 401. Returns a promise only if a tap does. */
  authenticate(arrival: Arrival): IdentityGrant | Promise<IdentityGrant>;
  /** Runs the hooks from `request` to `response`. Sends nothing: the reply's body may still have to be read. */
  handle(exchange: Exchange): Promise<Reply>;
  /** Calls the taps on `finished`, whose errors are logged. */
  finish(exchange: Exchange, outcome: Outcome): void;
  describe(): PipelineDescription;
  /** Calls the taps on `shutdown` and closes `app`. Rejects if one fails. */
  close(): Promise<void>;
}

/** Builds the pipeline of a configuration. Throws an `Error` that names the plugin, path or key that is wrong. */
export async function createGateway(config: Config, deps: GatewayDeps): Promise<Gateway> {
  const { app, log, clock, kept, registering: state } = deps;
  const hooks = createHooks({
    owner: () => state.owner,
    isSealed: () => state.isSealed,
    report: (error, exchange) =>
      exchange.log.error({ err: error.cause, plugin_error: error.message }, 'a tap on finished failed'),
  });
  const builtIns = [...(await listBuiltIns()).values()];
  const approaches = createApproachRegistry(
    builtIns.filter(({ group }) => group === 'approaches').map(({ name }) => name),
  );
  // Plugins get `wishOf` before the planning is created, which needs their approaches. They call it when a request is
  // there.
  const created: { planning?: Planning } = {};
  const wishOf = async (exchange: Exchange): Promise<Wish> => {
    if (!created.planning) throw new Error('wishOf: the pipeline is not built yet, ask while a request is handled');
    return created.planning.wishOf(exchange);
  };
  const applied = await applyPlugins({ config, hooks, app, approaches, log, clock, kept, state, wishOf });

  const transport = createTransport({ kept, clock });
  const keyless = await createKeyless(config, applied.providers, { log, detect: deps.detect });
  const upstreams = createUpstreams({
    configured: openUpstreams(config, applied.providers, keyless !== undefined),
    keyless,
    transport,
    clock,
  });
  const planning = createPlanning({
    registry: approaches,
    upstreams,
    clock,
    capabilities: kept.keep('capabilities', () => new Capabilities()),
    settings: {
      model: config.model,
      approach: config.approach,
      tags: config.tags,
      limits: config.approachLimits,
      defaultN: config.approachDefaults.n,
    },
  });
  created.planning = planning;
  hooks.authenticate.tap({ name: 'core', stage: Number.MAX_SAFE_INTEGER }, () =>
    applied.authenticates ? undefined : ANYBODY,
  );
  hooks.plan.tapPromise({ name: 'core', stage: Number.MAX_SAFE_INTEGER }, async (exchange) => planning.plan(exchange));
  const planIsCoresOwn = hooks.plan.taps.length === 1;
  state.isSealed = true;

  const { needsStreamUsage } = applied;
  const send: Handler = (call) => upstreams.providerOf(call.upstream).send(call, transport);
  const storedObjects = createStoredObjects(kept.keep('own ids', () => new OwnIds()));
  const leaf = storedObjects.guard(guardModels(needsStreamUsage ? askForUsage(send, kept) : send));
  const onion = hooks.upstream.compose(leaf);
  const upstreamOnion: Handler = async (call) => {
    const reply = await onion(call);
    const { progress } = call.exchange;
    // A stream names its model in its chunks, so `began` is called there, for the first chunk that is passed on.
    if (progress.isOn && reply.kind === 'complete' && reply.status < 400) progress.began(reply.body.value.model);
    return reply;
  };
  const answerOnion = hooks.answer.compose((call) => planOf(call.exchange).run(call, upstreamOnion));

  const plan = async (exchange: Exchange): Promise<Plan> => {
    const made = planIsCoresOwn ? await planning.plan(exchange) : await hooks.plan.promise(exchange);
    if (!made) throw gatewayError('internal_error', {}, { cause: new Error('no tap on plan returned a plan') });
    const planned = isPlan(made) ? made : await planning.plan(exchange, made);
    // Core's own plan has set it.
    exchange.home ??= await planning.homeOf(exchange);
    const paid = withKeyless(planned, exchange, upstreams.keyless);
    if (paid.upstream === upstreams.keyless?.upstream)
      noteMisspelt(exchange, { ...planned, upstream: paid.upstream }, approaches);
    storedObjects.check(exchange, paid.upstream, paid.request);
    checkRights(exchange, planned, upstreams);
    return paid;
  };

  return {
    config,
    hooks,
    app,
    upstreams,
    listing: createListing({
      upstreams,
      transport,
      isPrefixed: (name) => mayHavePrefix(name, approaches),
      homeOf: (exchange, name) => homeOf(exchange, name, upstreams),
      withoutPrefixes: (exchange, name) => planning.withoutPrefixes(exchange, name),
    }),
    checks: applied.checks,
    log,
    clock,
    needsStreamUsage,
    admitsAnybody: applied.admitsAnybody,
    authenticate(arrival) {
      const found = settleBail(hooks.authenticate, arrival);
      return found instanceof Promise ? found.then(admitted) : admitted(found);
    },
    async handle(exchange) {
      if (hooks.request.isUsed()) await settleSeries(hooks.request, exchange);
      exchange.plan = await plan(exchange);
      exchange.ledger.budget = exchange.plan.budget;
      exchange.ledger.needsStreamUsage = needsStreamUsage;
      if (exchange.plan.wantsTrace === true || exchange.isTraced === true)
        exchange.trace = createTrace(exchange.plan.approach);
      const { request, upstream } = exchange.plan;
      const reply = await answerOnion(
        new Call({ exchange, request, upstream, role: 'answer', signal: exchange.signal }),
      );
      storedObjects.noteAnswer(exchange, upstream, reply);
      const told = withApproachHint(reply, exchange, approaches);
      if (!hooks.response.isUsed()) return told;
      return toReply(await hooks.response.promise(told, exchange));
    },
    finish(exchange, outcome) {
      if (hooks.finished.isUsed()) hooks.finished.call(exchange, outcome);
    },
    describe: () => describePipeline({ config, hooks, approaches, upstreams, checks: applied.checks }),
    async close() {
      await hooks.shutdown.promise();
      await app.close();
    },
  };
}

/** The caller if no plugin authenticates. Such a server listens on loopback only. */
const ANYBODY: IdentityGrant = Object.freeze({ id: 'anonymous', serverKey: true });

function admitted(grant: IdentityGrant | undefined): IdentityGrant {
  if (grant) return grant;
  throw gatewayError(
    'invalid_api_key',
    { detail: 'No key was given that is known here' },
    { headers: { 'www-authenticate': 'Bearer' } },
  );
}

function planOf(exchange: Exchange): Plan {
  if (!exchange.plan) throw new Error('the exchange has no plan yet');
  return exchange.plan;
}
