import { isRecord } from '../bytes/json.ts';
import { echoed } from '../echoed.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Reply } from '../exchange/reply.ts';
import { nearest } from '../nearest.ts';
import type { ApproachRegistry } from './registry.ts';

/**
 * An upstream's 404 of a model whose name begins with something like an approach: adds to the upstream's message what was
 * probably meant. Any other reply is returned as it is.
 */
export function withApproachHint(reply: Reply, { operation, plan }: Exchange, registry: ApproachRegistry): Reply {
  if (reply.status !== 404 || reply.kind !== 'complete' || operation !== 'chat' || !plan) return reply;
  const hint = hintFor(plan.request.value.model, registry);
  const error: unknown = hint === undefined ? undefined : Reflect.get(reply.body.value, 'error');
  if (!isRecord(error) || typeof error['message'] !== 'string') return reply;
  const message = `${error['message']} (optigate: ${hint})`;
  return { ...reply, body: reply.body.with({ error: { ...error, message } }) };
}

function hintFor(model: string, registry: ApproachRegistry): string | undefined {
  const hyphen = model.indexOf('-');
  if (hyphen < 0) return undefined;
  const prefix = model.slice(0, hyphen).toLowerCase();
  const unknown = prefix.split(/[&|]/, 17).find((slug) => registry.get(slug) === undefined);
  // A word of two letters is near to many.
  if (unknown === undefined || unknown.length < 3) return undefined;
  if (registry.isUnlisted(unknown)) return `'${unknown}' is built in but not listed under plugins`;
  const meant = nearest(unknown, registry.slugs);
  if (meant === undefined) return undefined;
  return echoed(`'${unknown}' is no approach here, did you mean ${prefix.replace(unknown, meant)}-?`);
}
