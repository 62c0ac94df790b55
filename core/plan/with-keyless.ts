import { echoed } from '../echoed.ts';
import type { Exchange, Plan } from '../exchange/exchange.ts';
import { Identity } from '../exchange/identity.ts';
import { findCredential, hasOwnKey } from '../upstream/credentials.ts';
import type { KeylessUpstream } from '../upstream/upstreams.ts';

/**
 * Redirects a plan to the keyless upstream (a local model server, or the demo) if the caller brings no upstream key and
 * no other key would pay at the plan's own upstream. A local server that does not list the plan's model answers with
 * its first one, and the log says so.
 */
export function withKeyless(plan: Plan, exchange: Exchange, keyless: KeylessUpstream | undefined): Plan {
  if (!keyless || hasOwnKey(Identity.grantOf(exchange.identity), exchange.home ?? plan.upstream)) return plan;
  if (findCredential(exchange, plan.upstream)) return plan;
  const { upstream } = keyless;
  const { models } = upstream.settings;
  const [first] = models;
  const { model } = plan.request.value;
  const whole = `${plan.upstream.name}/${model}`;
  // A local server may list a name that begins like that of a configured upstream (`openai/gpt-oss-20b`).
  if (models.includes(whole) && (!models.includes(model) || isAskedFor(whole, exchange)))
    return { ...plan, upstream, request: plan.request.with({ model: whole }) };
  if (first === undefined || models.includes(model)) return { ...plan, upstream };
  exchange.log.info(
    { model: echoed(model), answered_by: first, upstream: upstream.name },
    'model not listed by the detected server, its first one answers',
  );
  return { ...plan, upstream, request: plan.request.with({ model: first }) };
}

/** Is it the model of the client's own request, approaches before it apart? */
function isAskedFor(name: string, { request }: Exchange): boolean {
  const { model } = request.value as { readonly model?: unknown };
  return typeof model === 'string' && model.endsWith(name);
}
