/**
 * Core's own tap on `plan`: chooses the upstream, the model and the approaches. `readWish` reads what the client asks
 * for (its wish), then `planOf` makes a plan of it. A wish that a plugin returns overrides the client's before that.
 */
import type { Clock } from '../clock.ts';
import type { ChatExchange, Exchange, Plan, Wish } from '../exchange/exchange.ts';
import type { Budget } from '../exchange/ledger.ts';
import type { Upstream } from '../exchange/upstream.ts';
import { Capabilities } from '../run/capabilities.ts';
import { createRun } from '../run/run.ts';
import { destinationOf, homeOf } from './destination.ts';
import { modelInPath } from './model-in-path.ts';
import { PLAIN, printExpression, type Expression } from './expression.ts';
import { planOther } from './other-operations.ts';
import { planOf, type PlanContext } from './plan-of.ts';
import { readSource, readWish, withoutPrefixes, type ClientWish, type WishContext } from './read-wish.ts';
import type { TagPlace } from './tags.ts';

/** The parts of the configuration that decide plans. */
export interface PlanningSettings {
  /** The model of chat requests that name none. Absent = they get a 400. */
  readonly model?: string | undefined;
  /** The expression for requests that select none; `auto` or absent = a plain call. */
  readonly approach?: string | undefined;
  /** Which tags in messages select an approach. Those that open a message are removed either way. */
  readonly tags: TagPlace;
  readonly limits: Budget;
  /** The `n` of requests that run an approach and give none. */
  readonly defaultN?: number | undefined;
}

/** What `createPlanning` needs. */
export interface PlanningInit extends WishContext {
  readonly settings: PlanningSettings;
  readonly clock: Clock;
  /** What models were found to refuse; passed in so that it survives a reload. */
  readonly capabilities?: Capabilities;
}

/** Decides how requests are answered. */
export interface Planning {
  /** What the client asks for. Throws a 400 if the request is malformed. */
  wishOf(exchange: Exchange): Promise<Wish>;
  /**
   * Plans a request. A plugin's wish overrides the client's approach and model, its options stay. A promise only if an
   * upstream has to be asked for its list of models.
   */
  plan(exchange: Exchange, wish?: Wish): Plan | Promise<Plan>;
  /** The upstream that the client's own request leads to, whatever a plugin plans. @see Exchange.home */
  homeOf(exchange: Exchange): Promise<Upstream>;
  /** A model's name without prefixes of approaches, split as in a request. */
  withoutPrefixes(exchange: Exchange, name: string): string | Promise<string>;
}

/** Throws a 400 error if the configured default approach is unknown. */
export function createPlanning(init: PlanningInit): Planning {
  const { registry, upstreams, settings, clock } = init;
  const kit = {
    capabilities: init.capabilities ?? new Capabilities(),
    destination: (exchange: Exchange, name: string) => destinationOf(exchange, name, upstreams),
    clock,
  };
  const plain = { branches: [[]], isSingleCall: true, clock, kit, isTop: false, stamp: undefined };
  const plainRun = createRun({ ...plain, budget: settings.limits });
  const context: PlanContext = {
    ...init,
    kit,
    plainRun,
    byDefault: readSource(settings.approach, registry, 'approach') ?? PLAIN,
  };
  const reading: WishContext = { ...init, notices: { isIgnoredTagTold: false } };
  /** What a plugin asked for with `wishOf`, by the request that was read: planning need not read it again. */
  const readWishes = new WeakMap<ChatExchange['request'], Promise<ClientWish>>();

  const clientWishOf = (exchange: ChatExchange): ClientWish | Promise<ClientWish> =>
    readWishes.get(exchange.request) ?? readWish(exchange, reading);
  const planChat = (exchange: ChatExchange, wish: Wish | undefined): Plan | Promise<Plan> => {
    const expression = wish && expressionOf(wish);
    const make = (clientWish: ClientWish): Plan => {
      const plan = planOf(exchange, wish ? overridden(clientWish, expression, wish.model) : clientWish, context);
      exchange.home = chosenByPlugin(wish) ? homeOf(exchange, clientWish.model, upstreams) : plan.upstream;
      return plan;
    };
    const clientWish = clientWishOf(exchange);
    return clientWish instanceof Promise ? clientWish.then(make) : make(clientWish);
  };
  const expressionOf = ({ approach }: Wish): Expression | undefined =>
    approach === undefined ? undefined : (readSource(approach, registry, 'approach') ?? PLAIN);

  return {
    async wishOf(exchange) {
      if (exchange.operation !== 'chat') return wishOfOther(exchange);
      const wish = Promise.resolve(clientWishOf(exchange));
      readWishes.set(exchange.request, wish);
      const { expression, model } = await wish;
      return {
        ...(expression ? { approach: printExpression(expression) } : {}),
        ...(model === undefined ? {} : { model }),
      };
    },
    plan(exchange, wish) {
      if (exchange.operation === 'chat') return planChat(exchange, wish);
      const plan = planOther(exchange, { upstreams, run: plainRun, budget: settings.limits }, wish?.model);
      exchange.home = chosenByPlugin(wish) ? homeOf(exchange, wishOfOther(exchange).model, upstreams) : plan.upstream;
      return plan;
    },
    async homeOf(exchange) {
      const asked = exchange.operation === 'chat' ? await clientWishOf(exchange) : wishOfOther(exchange);
      return homeOf(exchange, asked.model, upstreams);
    },
    withoutPrefixes: (exchange, name) => withoutPrefixes(name, exchange.signal, init),
  };
}

/** The client's wish with the approach and the model that a plugin chose instead; undefined = the client's stays. */
function overridden(wish: ClientWish, expression: Expression | undefined, model: string | undefined): ClientWish {
  return { ...wish, expression: expression ?? wish.expression, model: model ?? wish.model };
}

function wishOfOther({ request, client, operation, upload }: Exchange): Wish {
  const model: unknown = upload ? upload.model : request.value.model;
  if (typeof model === 'string') return { model };
  const inPath = operation === 'other' ? modelInPath(client) : undefined;
  return inPath ? { model: inPath.name } : {};
}

/** Did a plugin choose the model? Then a key that the client brought does not go with it to another upstream. */
function chosenByPlugin(wish: Wish | undefined): boolean {
  return wish?.model !== undefined;
}

/** Did a tap on `plan` return a whole plan, rather than a wish? */
export function isPlan(made: Plan | Wish): made is Plan {
  return 'run' in made;
}
