import { Payload } from '../bytes/payload.ts';
import { gatewayError } from '../errors.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { completeReply } from '../exchange/reply.ts';
import type { Gateway } from '../gateway.ts';
import type { ChatCompletion } from '../wire/chat/chat-types.ts';
import { wires } from '../wire/wires.ts';
import type { Responder } from './responder.ts';

/**
 * Answers `GET /v1/models` and `GET /v1/models/{id}`: lists each model under a name by which requests reach it, in
 * OpenAI's or Anthropic's shape. Throws a 405 for other methods.
 * @param id  Undefined = list all.
 */
export async function answerModels(
  gateway: Gateway,
  exchange: Exchange,
  responder: Responder,
  id: string | undefined,
): Promise<void> {
  const { method, path, headers } = exchange.client;
  if (method !== 'GET' && method !== 'HEAD') {
    throw gatewayError('method_not_allowed', { method, path, allow: 'GET' }, { headers: { allow: 'GET' } });
  }
  const { listing, upstreams } = gateway;
  // The request names no model, so the caller's own upstream key counts as one for the default upstream.
  exchange.home = upstreams.default;
  // Both APIs have this path. Only Anthropic's clients send this header.
  const wire = headers['anthropic-version'] === undefined ? wires.chat : wires.messages;
  const query = new URLSearchParams(path.split('?')[1] ?? '');
  const body =
    id === undefined
      ? wire.modelList(await listing.all(exchange), query)
      : wire.modelEntry(await listing.one(exchange, id));
  responder.sendComplete(exchange, completeReply(Payload.fromValue(body as ChatCompletion)));
}
