import { isRecord } from '../bytes/json.ts';
import { gatewayError } from '../errors.ts';
import type { Exchange, Plan } from '../exchange/exchange.ts';
import { mayUse, refusedModel } from '../upstream/allowed-models.ts';
import type { Upstreams } from '../upstream/upstreams.ts';
import { destinationOf } from './destination.ts';

/**
 * Throws a 403 where a plan needs a model that the caller may not use: the request's own, those that its upstream may
 * fall back to, and those that approaches call beside it. Each call is looked at again before it leaves (`guardModels`).
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

/** No model runs on what is sent here. */
const WITHOUT_MODEL = /^\/v1\/(?:files|uploads|vector_stores|conversations|containers)(?:[/?]|$)/;

/** Might a model run that is named where nobody looks: in a form, deep in a body, in a file sent before, by default? */
function mayHideModel({ operation, upload, request, client }: Exchange): boolean {
  if (operation !== 'other') return false;
  const hasBody = upload !== undefined || request.bytes.length > 0;
  return hasBody && !WITHOUT_MODEL.test(client.path);
}
