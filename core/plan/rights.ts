import { isRecord, repeatedKey } from '../bytes/json.ts';
import { gatewayError } from '../errors.ts';
import type { Exchange, Plan } from '../exchange/exchange.ts';
import { mayUse, namesModels, refusedModel } from '../upstream/allowed-models.ts';
import type { Upstreams } from '../upstream/upstreams.ts';
import { destinationOf } from './destination.ts';
import { modelInPath } from './model-in-path.ts';

/**
 * Throws a 403 if a plan needs a model that the caller may not use: the request's own, those that its upstream may fall
 * back to, and those that approaches call besides. `guardModels` checks each call again before it is sent.
 */
export function checkRights(exchange: Exchange, plan: Plan, upstreams: Upstreams): void {
  const { identity } = exchange;
  if (identity.models === undefined) return;
  const body: unknown = plan.request.value;
  const refused =
    refusedModel(identity, plan.upstream, body) ??
    modelsOutside(exchange).find((model) => !mayUse(identity, plan.upstream, model));
  if (refused !== undefined) throw gatewayError('model_not_allowed', { model: refused });
  const repeated = repeatedKey(exchange.request.bytes);
  if (repeated !== undefined)
    throw gatewayError('invalid_value', { param: repeated, detail: 'the key is given twice in one object' });
  for (const name of plan.otherModels ?? []) {
    const { upstream, model } = destinationOf(exchange, name, upstreams);
    if (!mayUse(identity, upstream, model)) throw gatewayError('model_not_allowed', { model: name });
  }
  if (exchange.operation === 'other' && !showsModel(exchange, body))
    throw gatewayError('model_not_allowed', {
      detail: `This access key may use certain models only, and which one this request runs cannot be seen`,
    });
}

/** The models that the path and the query name: some servers take `?model=`. */
function modelsOutside({ client }: Exchange): string[] {
  const { path } = client;
  const mark = path.indexOf('?');
  const inPath = modelInPath(client)?.name;
  if (mark < 0) return inPath === undefined ? [] : [inPath];
  const query = path.slice(mark);
  // Some servers separate by semicolons, too.
  const readings = query.includes(';') ? [query, query.replaceAll(';', '&')] : [query];
  const inQuery = readings
    .flatMap((reading) => [...new URLSearchParams(reading)])
    .flatMap(([key, value]) => (namesModels(key.split('[', 1)[0] ?? '') ? value.split(',') : []));
  return inPath === undefined ? inQuery : [inPath, ...inQuery];
}

/** Paths on which the model runs that stands as `model` in a JSON body. */
const MODEL_AT_TOP: ReadonlySet<string> = new Set(
  [
    'audio/speech images/generations images/edits moderations responses/input_tokens responses/compact',
    'rerank score classify pooling tokenize detokenize',
  ].flatMap((line) => line.split(' ').map((path) => `/v1/${path}`)),
);
/** Paths on which no model runs. */
const WITHOUT_MODEL = /^\/v1\/(?:files|uploads|vector_stores|conversations|containers)(?:[/?]|$)/;
/** Methods that begin nothing. */
const QUIET_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE']);

/**
 * Is it seen which model a request runs that is only passed on? Elsewhere a form, a file sent before, a path or the
 * upstream's default may name it, and a `model` in the body may be a decoy.
 */
function showsModel({ upload, request, client: { method, path } }: Exchange, body: unknown): boolean {
  if (WITHOUT_MODEL.test(path)) return true;
  const hasBody = upload !== undefined || request.bytes.length > 0;
  if (!hasBody && QUIET_METHODS.has(method)) return true;
  const [plain = ''] = path.split('?', 1);
  return MODEL_AT_TOP.has(plain) && isRecord(body) && typeof body['model'] === 'string' && body['model'] !== '';
}
