import type { Payload } from '../bytes/payload.ts';
import { gatewayError } from '../errors.ts';
import type { OtherExchange, Plan } from '../exchange/exchange.ts';
import type { Budget } from '../exchange/ledger.ts';
import type { Upstream } from '../exchange/upstream.ts';
import type { Destination, Upstreams } from '../upstream/upstreams.ts';
import type { ChatRequest } from '../wire/chat/chat-types.ts';
import { destinationOf, firstFor } from './destination.ts';
import { modelInPath } from './model-in-path.ts';

/**
 * The plan of a request that is no chat: one plain call, since approaches work on chats only. Model names lose an
 * upstream's name before them, whether they stand in the body, the path or the query. A known operation's body also loses
 * this program's own fields; any other body stays as it is.
 * @param wanted  A model to use instead of the request's. Ignored where the body is only passed on.
 */
export function planOther(
  exchange: OtherExchange,
  { upstreams, run, budget }: { readonly upstreams: Upstreams; readonly run: Plan['run']; readonly budget: Budget },
  wanted?: string,
): Plan {
  const named = exchange.upload ? exchange.upload.model : modelOf(exchange);
  const isPassedOn = exchange.operation === 'other' || exchange.upload !== undefined;
  const { upstream, model } = isPassedOn
    ? passedOnTo(exchange, named, upstreams)
    : destinationFor(exchange, wanted ?? named, upstreams);
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

/**
 * A path that is only passed on goes to the upstream that its model names. Without such a name it goes to the first one
 * of its wire.
 */
function passedOnTo(
  exchange: OtherExchange,
  named: string | undefined,
  upstreams: Upstreams,
): { readonly upstream: Upstream; readonly model: string | undefined } {
  const byDefault = { upstream: firstFor(exchange, upstreams) ?? upstreams.default, model: named };
  const inPath = modelInPath(exchange.client);
  const name = named ?? inPath?.name;
  if (name === undefined || upstreams.resolve(name).model === name) return byDefault;
  const destination = destinationOf(exchange, name, upstreams);
  if (inPath !== undefined && upstreams.resolve(inPath.name).upstream === destination.upstream)
    exchange.client = { ...exchange.client, path: inPath.withName(upstreams.resolve(inPath.name).model) };
  const model = named === undefined ? undefined : destination.model;
  const { upload } = exchange;
  if (upload === undefined) return { upstream: destination.upstream, model };
  if (model !== undefined && upload.withModel) exchange.upload = upload.withModel(model);
  return { upstream: destination.upstream, model: named };
}

function destinationFor(exchange: OtherExchange, name: string | undefined, upstreams: Upstreams): Destination {
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
