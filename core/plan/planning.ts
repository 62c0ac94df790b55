/**
 * Core's own `plan`: which upstream, model and approaches. Deciding is two steps: `readWish` reads what the request asks
 * for, `planOf` makes a plan of it. A plugin's wish comes between them.
 */
import type { Clock } from '../clock.ts';
import { gatewayError } from '../errors.ts';
import type { ChatExchange, Exchange, Plan, Wish } from '../exchange/exchange.ts';
import type { Budget } from '../exchange/ledger.ts';
import { Capabilities } from '../run/capabilities.ts';
import { createRun } from '../run/run.ts';
import { PLAIN, printExpression, type Expression } from './expression.ts';
import { planOf, type PlanContext } from './plan-of.ts';
import { planOther } from './other-operations.ts';
import { readSource, readWish, type ClientWish, type WishContext } from './read-wish.ts';
import { destinationOf } from './destination.ts';

export interface PlanningSettings {
  /** For chat requests that name no model. */
  readonly model?: string | undefined;
  /** The expression for requests that select none; `auto` or absent = a plain call. */
  readonly approach?: string | undefined;
  /** May messages select an approach? Tags are removed in any case. */
  readonly tags: boolean;
  readonly limits: Budget;
  /** Choices where a request gives no `n` and an approach runs. */
  readonly defaultN?: number | undefined;
}

export interface PlanningInit extends WishContext {
  readonly settings: PlanningSettings;
  readonly clock: Clock;
  /** What models refuse; handed in so that it outlasts a reload. */
  readonly capabilities?: Capabilities;
}

export interface Planning {
  /** What the request itself asks for. Throws a 400 where that cannot be read. */
  wishOf(exchange: Exchange): Promise<Wish>;
  /** The plan of a request, and of a plugin's wish for it. A promise only where an upstream has to be asked for its models. */
  plan(exchange: Exchange, wish?: Wish): Plan | Promise<Plan>;
}

/** Throws at once when the server's own approach is unknown. */
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
  /** Wishes that a plugin has looked at: they are read once. */
  const read = new WeakMap<Exchange, Promise<ClientWish>>();

  const chatWish = (exchange: ChatExchange): ClientWish | Promise<ClientWish> =>
    read.get(exchange) ?? readWish(exchange, init);
  const planChat = (exchange: ChatExchange, wish: Wish | undefined): Plan | Promise<Plan> => {
    const own = wish && expressionOf(wish);
    const make = (clients: ClientWish) =>
      planOf(exchange, wish ? overruled(clients, own, wish.model) : clients, context);
    const clients = chatWish(exchange);
    return clients instanceof Promise ? clients.then(make) : make(clients);
  };
  const expressionOf = ({ approach }: Wish): Expression | undefined =>
    approach === undefined ? undefined : (readSource(approach, registry, 'approach') ?? PLAIN);

  return {
    async wishOf(exchange) {
      if (exchange.operation !== 'chat') return wishOfOther(exchange);
      // Taken apart from the request as it is now: what a tap on `request` changed counts.
      const reading = Promise.resolve(readWish(exchange, init));
      read.set(exchange, reading);
      const { expression, model } = await reading;
      return {
        ...(expression ? { approach: printExpression(expression) } : {}),
        ...(model === undefined ? {} : { model }),
      };
    },
    plan: (exchange, wish) =>
      exchange.operation === 'chat'
        ? planChat(exchange, wish)
        : planOther(exchange, { upstreams, run: plainRun, budget: settings.limits }, wish?.model),
  };
}

/** What the client asks for, with what a plugin wants instead. */
function overruled(clients: ClientWish, expression: Expression | undefined, model: string | undefined): ClientWish {
  return { ...clients, expression: expression ?? clients.expression, model: model ?? clients.model };
}

function wishOfOther({ request }: Exchange): Wish {
  const { model } = request.value;
  return typeof model === 'string' ? { model } : {};
}

/** Is what a tap on `plan` returned a whole plan? Otherwise it is a wish. Throws a 500 where it is neither. */
export function isPlan(made: Plan | Wish): made is Plan {
  if ('run' in made) return true;
  if (made.approach !== undefined && typeof made.approach !== 'string')
    throw gatewayError('internal_error', {}, { cause: new TypeError("a wish's 'approach' is a text such as re2&bon") });
  return false;
}
