/** How errors look on OpenAI's API, and what its paths have in common. */
import { typeOfStatus, type GatewayError } from '../errors.ts';
import { isRecord, parseJson, type Fields } from '../bytes/json.ts';
import { describeRefusal, refusalMessage } from './refusal-shapes.ts';
import type { EventFailure, ListedModel, Wire } from './wire.ts';

export const OPENAI = {
  api: { title: "OpenAI's", provider: 'openai' },
  requestIdHeader: 'x-request-id',
  errorBody: ({ message, type, param, code }: GatewayError) =>
    JSON.stringify({ error: { message, type, param, code } }),
  refusalBody(received, { status, upstream }) {
    const parsed = parseJson(received.toString());
    // An Anthropic error has an `error` object too, but not the one that clients of this API read.
    if (isRecord(parsed) && isRecord(parsed['error']) && parsed['type'] !== 'error') return received;
    const found = describeRefusal(parsed, received);
    const message = refusalMessage(found, { status, upstream });
    const { type = typeOfStatus(status), param = null, code = null } = found;
    return Buffer.from(JSON.stringify({ error: { message, type, param, code } }));
  },
  errorEvent: ({ message, type, code }: EventFailure) =>
    Buffer.from(`data: ${JSON.stringify({ error: { message, type, param: null, code } })}\n\n`),
  modelEntry: (model: ListedModel) => model,
  // Codex asks for its own form, and says so in the query.
  modelList: (models: readonly ListedModel[], query: URLSearchParams): Fields =>
    query.has('client_version')
      ? { models: models.map((model) => ({ slug: model.id, display_name: model.id, ...model })) }
      : { object: 'list', data: models },
} satisfies Partial<Wire>;
