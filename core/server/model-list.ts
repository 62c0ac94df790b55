import { Payload } from '../bytes/payload.ts';
import { gatewayError } from '../errors.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { completeReply } from '../exchange/reply.ts';
import type { Gateway } from '../gateway.ts';
import type { ChatCompletion } from '../wire/chat/chat-types.ts';
import { pathOf } from './arrival.ts';
import type { Responder } from './responder.ts';

/**
 * Answers `GET /v1/models` and `GET /v1/models/{id}`: lists each model under a name by which requests reach it, in
 * the shape of the exchange's wire. Throws a 405 for other methods.
 * @param id  Undefined = list all.
 */
export async function answerModels(
  gateway: Gateway,
  exchange: Exchange,
  responder: Responder,
  id: string | undefined,
): Promise<void> {
  const { method, path } = exchange.client;
  const { listing } = gateway;
  if (method !== 'GET' && method !== 'HEAD')
    throw gatewayError(
      'method_not_allowed',
      { method, path: pathOf(path), allow: 'GET' },
      { headers: { allow: 'GET' } },
    );
  const { wire } = exchange;
  const query = new URLSearchParams(path.split('?')[1] ?? '');
  const body =
    id === undefined
      ? wire.modelList(await listing.all(exchange), query)
      : wire.modelEntry(await listing.one(exchange, id));
  responder.sendComplete(exchange, completeReply(Payload.fromValue(body as ChatCompletion)));
}
