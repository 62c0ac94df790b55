import { gatewayError } from '../errors.ts';
import type { Exchange, OtherExchange, Plan } from '../exchange/exchange.ts';
import type { ChatRequest } from '../wire/chat/chat-types.ts';
import type { Payload } from '../bytes/payload.ts';
import { mayUse } from '../upstream/allowed-models.ts';
import type { Upstreams } from '../upstream/upstreams.ts';
import { destinationOf, firstFor } from './destination.ts';
import type { SelectedPlan } from './selected-plan.ts';

/**
 * The plan of anything but a chat: one call, untouched but for an upstream's name before the model's. Approaches are for
 * conversations only.
 */
export function planOther(
  exchange: OtherExchange,
  upstreams: Upstreams,
  run: Plan['run'],
): Omit<SelectedPlan, 'budget'> {
  const model = exchange.upload ? undefined : modelOf(exchange);
  const { upstream, name } =
    model === undefined ? withoutModel(exchange, upstreams) : withModel(exchange, model, upstreams);
  // The one place where another wire's body passes for a chat request: a plain call looks at nothing in it.
  const body = exchange.request as unknown as Payload<ChatRequest>;
  return {
    upstream,
    request: unmarked(name === undefined || name === model ? body : body.with({ model: name }), exchange),
    approach: 'none',
    isSingleCall: true,
    options: {},
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

function withModel(exchange: Exchange, model: string, upstreams: Upstreams) {
  const destination =
    exchange.operation === 'other' ? untouched(exchange, model, upstreams) : destinationOf(exchange, model, upstreams);
  if (!mayUse(exchange.identity, destination.upstream, destination.model))
    throw gatewayError('model_not_allowed', { model });
  return { upstream: destination.upstream, name: destination.model };
}

function withoutModel(exchange: Exchange, upstreams: Upstreams) {
  if (exchange.operation !== 'other') throw gatewayError('missing_required_parameter', { param: 'model' });
  if (exchange.identity.models !== undefined && mayHideModel(exchange))
    throw gatewayError('model_not_allowed', {
      detail: `This access key may use certain models only, and which one this request is for cannot be seen: it has to stand as 'model' in a JSON body`,
    });
  return { upstream: firstFor(exchange, upstreams) ?? upstreams.default, name: undefined };
}

/** No model runs on what is sent here. */
const WITHOUT_MODEL = /^\/v1\/(?:files|uploads|vector_stores|conversations|containers)(?:[/?]|$)/;

/** Might a model run that is named where we do not look: in a form, deep in a body, in a file sent before, by default? */
function mayHideModel({ upload, request, client }: Exchange): boolean {
  const hasBody = upload !== undefined || request.bytes.length > 0;
  return hasBody && !WITHOUT_MODEL.test(client.path);
}

/** Paths that are only passed on go to the default upstream, whatever their body says; Anthropic's where it is spoken. */
function untouched(exchange: Exchange, model: string, upstreams: Upstreams) {
  return { upstream: firstFor(exchange, upstreams) ?? upstreams.default, model };
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
