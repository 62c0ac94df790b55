import { isRecord } from '../bytes/json.ts';
import { echoed } from '../echoed.ts';
import type { Exchange, Plan } from '../exchange/exchange.ts';
import type { Reply } from '../exchange/reply.ts';
import { nearest } from '../nearest.ts';
import type { ApproachRegistry } from './registry.ts';

/**
 * An upstream's refusal of a model whose name begins with something like an approach: adds to the upstream's message what
 * was probably meant. Any other reply is returned as it is.
 */
export function withApproachHint(reply: Reply, { operation, plan }: Exchange, registry: ApproachRegistry): Reply {
  if (reply.status !== 404 && reply.status !== 400) return reply;
  if (reply.kind !== 'complete' || operation !== 'chat' || !plan) return reply;
  const { model } = plan.request.value;
  const error: unknown = Reflect.get(reply.body.value, 'error');
  if (!isRecord(error) || typeof error['message'] !== 'string') return reply;
  if (reply.status === 400 && !isOfModel(error, model)) return reply;
  const hint = hintFor(model, registry);
  if (hint === undefined) return reply;
  const message = `${error['message']} (optigate: ${hint})`;
  return { ...reply, body: reply.body.with({ error: { ...error, message } }) };
}

/**
 * Logs what was probably meant by a model's name that begins with something like an approach, for an upstream that answers
 * any name, so that nobody hears of it otherwise.
 */
export function noteMisspelt(
  { log, operation }: Exchange,
  { request, upstream }: Plan,
  registry: ApproachRegistry,
): void {
  const { model } = request.value;
  if (operation !== 'chat' || upstream.settings.models?.includes(model)) return;
  const hint = hintFor(model, registry);
  if (hint !== undefined) log.warn({ model: echoed(model) }, hint);
}

/** Does a 400 complain of the model? Some servers answer so, not by a 404, for one that they do not have. */
function isOfModel({ message, code, param }: Readonly<Record<string, unknown>>, model: string): boolean {
  if (typeof param === 'string' && param !== '') return param === 'model';
  return /model/i.test(String(code)) || String(message).includes(model) || /\bmodel not exist\b/i.test(String(message));
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
