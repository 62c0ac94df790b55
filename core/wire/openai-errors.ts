/** What all wires of OpenAI's API share: how errors and lists of models look, and the request id's header. */
import { isRecord, parseJson, type Fields } from '../bytes/json.ts';
import { typeOfStatus, type GatewayError } from '../errors.ts';
import { describeRefusal, refusalMessage } from './refusal-shapes.ts';
import type { EventFailure, ListedModel, Wire } from './wire.ts';

/** To be spread into each wire of this API. */
export const OPENAI = {
  api: { title: "OpenAI's", provider: 'openai' },
  requestIdHeader: 'x-request-id',
  errorBody: ({ message, type, param, code }: GatewayError) =>
    JSON.stringify({ error: { message, type, param, code } }),
  refusalBody(received, { status, upstream }) {
    const parsed = parseJson(received.toString());
    // Anthropic's errors (`type: 'error'`) have an `error` object, too, but with other members.
    if (isRecord(parsed) && isRecord(parsed['error']) && parsed['type'] !== 'error') return received;
    const found = describeRefusal(parsed, received);
    const message = refusalMessage(found, { status, upstream });
    const { type = typeOfStatus(status), param = null, code = null } = found;
    return Buffer.from(JSON.stringify({ error: { message, type, param, code } }));
  },
  errorEvent: ({ message, type, code }: EventFailure) =>
    Buffer.from(`data: ${JSON.stringify({ error: { message, type, param: null, code } })}\n\n`),
  modelEntry: (model: ListedModel) => model,
  // Codex reads a form of its own, and asks for it by `client_version` in the query.
  modelList: (models: readonly ListedModel[], query: URLSearchParams): Fields =>
    query.has('client_version')
      ? { models: models.map((model) => ({ slug: model.id, display_name: model.id, ...model })) }
      : { object: 'list', data: models },
} satisfies Partial<Wire>;
