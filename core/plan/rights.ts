import { isRecord } from '../bytes/json.ts';
import { gatewayError } from '../errors.ts';
import type { Exchange, Plan } from '../exchange/exchange.ts';
import { mayUse, refusedModel } from '../upstream/allowed-models.ts';
import type { Upstreams } from '../upstream/upstreams.ts';
import { destinationOf } from './destination.ts';

/**
 * Throws a 403 if a plan needs a model that the caller may not use: the request's own, those that its upstream may fall
 * back to, and those that approaches call besides. `guardModels` checks each call again before it is sent.
 */
export function checkRights(exchange: Exchange, plan: Plan, upstreams: Upstreams): void {
  const { identity } = exchange;
  if (identity.models === undefined) return;
  const body: unknown = plan.request.value;
  const refused = refusedModel(identity, plan.upstream, body);
  if (refused !== undefined) throw gatewayError('model_not_allowed', { model: refused });
  for (const name of plan.otherModels ?? []) {
    const { upstream, model } = destinationOf(exchange, name, upstreams);
    if (!mayUse(identity, upstream, model)) throw gatewayError('model_not_allowed', { model: name });
  }
  if (!namesModel(body) && mayHideModel(exchange))
    throw gatewayError('model_not_allowed', {
      detail: `This access key may use certain models only, and which one this request is for cannot be seen: it has to stand as 'model' in a JSON body`,
    });
}

function namesModel(body: unknown): boolean {
  return isRecord(body) && typeof body['model'] === 'string' && body['model'] !== '';
}

/** Paths on which no model runs. */
const WITHOUT_MODEL = /^\/v1\/(?:files|uploads|vector_stores|conversations|containers)(?:[/?]|$)/;

/** May a model run that cannot be seen here, because a form, a file sent before, or the upstream's default names it? */
function mayHideModel({ operation, upload, request, client }: Exchange): boolean {
  if (operation !== 'other') return false;
  const hasBody = upload !== undefined || request.bytes.length > 0;
  return hasBody && !WITHOUT_MODEL.test(client.path);
}
