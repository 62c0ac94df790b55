/** How errors look on Anthropic's API, and what its paths have in common. */
import type { GatewayError } from '../errors.ts';
import { isRecord, parseJson, type Fields } from '../bytes/json.ts';
import { encodeEvent } from './frame.ts';
import { describeRefusal, refusalMessage } from './refusal-shapes.ts';
import type { EventFailure, ListedModel, Wire } from './wire.ts';

export const ANTHROPIC = {
  api: { title: "Anthropic's", provider: 'anthropic' },
  requestIdHeader: 'request-id',
  errorBody: ({ status, message }: GatewayError, requestId: string) =>
    JSON.stringify({ type: 'error', error: { type: typeOf(status), message }, request_id: requestId }),
  refusalBody(received, { status, upstream }) {
    const parsed = parseJson(received.toString());
    if (isRecord(parsed) && isRecord(parsed['error'])) return received;
    const message = refusalMessage(describeRefusal(parsed, received), { status, upstream });
    return Buffer.from(JSON.stringify({ type: 'error', error: { type: typeOf(status), message } }));
  },
  errorEvent: ({ status, message }: EventFailure) =>
    encodeEvent('error', { type: 'error', error: { type: typeOf(status), message } }),
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
function typeOf(status: number): string {
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
