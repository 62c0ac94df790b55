import { gatewayError } from '../errors.ts';
import type { OtherExchange, Plan } from '../exchange/exchange.ts';
import type { Budget } from '../exchange/ledger.ts';
import type { Upstream } from '../exchange/upstream.ts';
import type { ChatRequest } from '../wire/chat/chat-types.ts';
import type { Payload } from '../bytes/payload.ts';
import type { Upstreams } from '../upstream/upstreams.ts';
import { destinationOf, firstFor } from './destination.ts';

/**
 * The plan of anything but a chat: one call, untouched but for an upstream's name before the model's. Approaches are for
 * conversations only.
 * @param wanted  A model in place of the request's own.
 */
export function planOther(
  exchange: OtherExchange,
  { upstreams, run, budget }: { readonly upstreams: Upstreams; readonly run: Plan['run']; readonly budget: Budget },
  wanted?: string,
): Plan {
  const named = exchange.upload ? undefined : modelOf(exchange);
  const { upstream, model } = destinationFor(exchange, wanted ?? named, upstreams);
  // The one place where another wire's body passes for a chat request: a plain call looks at nothing in it.
  const body = exchange.request as unknown as Payload<ChatRequest>;
  return {
    upstream,
    request: unmarked(model === undefined || model === named ? body : body.with({ model }), exchange),
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

/** Our own fields mean nothing here, and no upstream knows them. */
function unmarked(body: Payload<ChatRequest>, exchange: OtherExchange): Payload<ChatRequest> {
  if (exchange.operation === 'other') return body;
  const { value } = exchange.request;
  if (value['optigate'] === undefined && value['optillm_approach'] === undefined) return body;
  return body.with({ optigate: undefined, optillm_approach: undefined });
}

/** Paths that are only passed on go to the first upstream of their wire, whatever their body says. */
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

/** The body's model, if it has one; a body that is no JSON object has none. */
function modelOf({ operation, request }: OtherExchange): string | undefined {
  try {
    const { model } = request.value;
    return typeof model === 'string' && model !== '' ? model : undefined;
  } catch (error) {
    if (operation === 'other') return undefined;
    throw error;
  }
}
