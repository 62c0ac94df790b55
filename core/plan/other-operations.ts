import type { Payload } from '../bytes/payload.ts';
import { gatewayError } from '../errors.ts';
import type { OtherExchange, Plan } from '../exchange/exchange.ts';
import type { Budget } from '../exchange/ledger.ts';
import type { Upstream } from '../exchange/upstream.ts';
import type { Upstreams } from '../upstream/upstreams.ts';
import type { ChatRequest } from '../wire/chat/chat-types.ts';
import { destinationOf, firstFor } from './destination.ts';

/**
 * The plan of a request that is no chat: one plain call, since approaches work on chats only. A known operation's body
 * loses an upstream's name before the model's, and this program's own fields; any other body stays as it is.
 * @param wanted  A model to use instead of the request's. Ignored where the body is only passed on.
 */
export function planOther(
  exchange: OtherExchange,
  { upstreams, run, budget }: { readonly upstreams: Upstreams; readonly run: Plan['run']; readonly budget: Budget },
  wanted?: string,
): Plan {
  const named = exchange.upload ? undefined : modelOf(exchange);
  const isPassedOn = exchange.operation === 'other' || exchange.upload !== undefined;
  const { upstream, model } = destinationFor(exchange, isPassedOn ? named : (wanted ?? named), upstreams);
  // A plan is typed by chat requests. Another wire's body may take that place, because a plain call reads nothing in
  // it.
  const body = exchange.request as unknown as Payload<ChatRequest>;
  return {
    upstream,
    request: withoutOwnFields(model === undefined || model === named ? body : body.with({ model }), exchange),
    approach: 'none',
    isSingleCall: true,
    options: {},
    budget,
    run,
    wantsTrace: false,
    wantsProgress: true,
    stamp: undefined,
  };
}

/** Removes fields that select approaches: they have no effect here, and an upstream may refuse them as unknown. */
function withoutOwnFields(body: Payload<ChatRequest>, exchange: OtherExchange): Payload<ChatRequest> {
  if (exchange.operation === 'other') return body;
  const { value } = exchange.request;
  if (value['optigate'] === undefined && value['optillm_approach'] === undefined) return body;
  return body.with({ optigate: undefined, optillm_approach: undefined });
}

/** A path that is only passed on (`other`) goes to the first upstream of its wire, whatever model its body names. */
function destinationFor(
  exchange: OtherExchange,
  name: string | undefined,
  upstreams: Upstreams,
): { readonly upstream: Upstream; readonly model: string | undefined } {
  if (exchange.operation === 'other')
    return { upstream: firstFor(exchange, upstreams) ?? upstreams.default, model: name };
  if (name === undefined) throw gatewayError('missing_required_parameter', { param: 'model' });
  return destinationOf(exchange, name, upstreams);
}

/**
 * The body's model; undefined if it names none. Throws if the body cannot be read, except on a path that is only passed
 * on.
 */
function modelOf({ operation, request }: OtherExchange): string | undefined {
  try {
    const { model } = request.value;
    return typeof model === 'string' && model !== '' ? model : undefined;
  } catch (error) {
    if (operation === 'other') return undefined;
    throw error;
  }
}
