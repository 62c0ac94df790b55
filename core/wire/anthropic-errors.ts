/** What all wires of Anthropic's API share: how errors and lists of models look, and the request id's header. */
import { isRecord, parseJson, type Fields } from '../bytes/json.ts';
import type { GatewayError } from '../errors.ts';
import { encodeEvent } from './frame.ts';
import { describeRefusal, refusalMessage } from './refusal-shapes.ts';
import type { EventFailure, ListedModel, Wire } from './wire.ts';

/** To be spread into each wire of this API. */
export const ANTHROPIC = {
  api: { title: "Anthropic's", provider: 'anthropic' },
  requestIdHeader: 'request-id',
  errorBody: ({ status, message }: GatewayError, requestId: string) =>
    JSON.stringify({ type: 'error', error: { type: errorTypeOf(status), message }, request_id: requestId }),
  refusalBody(received, { status, upstream }) {
    const parsed = parseJson(received.toString());
    if (isRecord(parsed) && isRecord(parsed['error'])) return received;
    const message = refusalMessage(describeRefusal(parsed, received), { status, upstream });
    return Buffer.from(JSON.stringify({ type: 'error', error: { type: errorTypeOf(status), message } }));
  },
  errorEvent: ({ status, message }: EventFailure) =>
    encodeEvent('error', { type: 'error', error: { type: errorTypeOf(status), message } }),
  modelEntry,
  modelList(models: readonly ListedModel[]): Fields {
    const data = models.map(modelEntry);
    return { data, has_more: false, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
  },
} satisfies Partial<Wire>;

const TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  500: 'api_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

/** Anthropic's `error.type` for a status. */
function errorTypeOf(status: number): string {
  return TYPES[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error');
}

function modelEntry(model: ListedModel) {
  const created = typeof model['created'] === 'number' ? model['created'] : 0;
  return {
    type: 'model',
    id: model.id,
    display_name: model['display_name'] ?? model.id,
    created_at: model['created_at'] ?? new Date(created * 1000).toISOString(),
  };
}
