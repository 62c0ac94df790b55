import { isDeepStrictEqual } from 'node:util';
import { clientsRequestOf, topLevelField } from '../approach/losses.ts';
import type { Call, Handler } from '../exchange/exchange.ts';
import type { Reply } from '../exchange/reply.ts';
import { refusalOf } from '../upstream/refusal.ts';
import type { Capabilities } from './capabilities.ts';

/** Fields that are no options of the model, so never left out. `n` has rules of its own, in sampling.ts. */
const NOT_OPTIONS: ReadonlySet<string> = new Set(['model', 'messages', 'stream', 'stream_options', 'n', 'tools']);
const OTHER_LIMIT = { max_tokens: 'max_completion_tokens', max_completion_tokens: 'max_tokens' } as const;

/**
 * Leaves out fields that an approach added and the model refuses: on a 400 or 422 that names such a field, repeats the
 * call without it, once per field, and remembers that if the repeat succeeds. A token limit is first tried under its
 * other name. A field that the client sent is never dropped: the refusal is then the answer. Its token limit is renamed
 * all the same where a prefix, an alias or an approach hid the model's name, since the client could not know better.
 */
export function leavingOutRefused(handler: Handler, capabilities: Capabilities): Handler {
  return async (call) => {
    call.signal.throwIfAborted();
    const limit = renamableLimit(call);
    if (call.request === call.exchange.plan?.request && limit === undefined) return handler(call);
    const own = ownFields(call);
    if (limit !== undefined) own.add(limit);
    if (own.size === 0) return handler(call);
    const refused = new Set<string>();
    const conditional = new Set<string>();
    const isRefused = (field: string) => refused.has(field) || capabilities.refuses(call, field);
    let attempt = call;
    for (const field of own) if (isRefused(field)) attempt = without(attempt, { field, own, limit, isRefused });
    for (;;) {
      const reply = await handler(attempt);
      const field = refusedField(reply, own);
      if (field === undefined) {
        // A refusal may mention a field only because the client's text does: then the repeat is refused, too.
        if (reply.status < 400)
          for (const one of refused) if (!conditional.has(one)) capabilities.learnRefused(call, one);
        return reply;
      }
      refused.add(field);
      if (blamesClientsField(reply, call, field)) conditional.add(field);
      const next = without(attempt, { field, own, limit, isRefused });
      if (next === attempt) return reply;
      attempt = next;
    }
  };
}

/** The client's own token limit if it may be renamed; undefined if there is none, or the client named the model itself. */
export function renamableLimit(call: Call): keyof typeof OTHER_LIMIT | undefined {
  const { value } = call.request;
  const field = (value.max_tokens ?? undefined) === undefined ? 'max_completion_tokens' : 'max_tokens';
  if ((value[field] ?? undefined) === undefined || !hidesModel(call)) return undefined;
  const isClients = value[field] === clientsRequestOf(call)[field];
  return isClients && (value[OTHER_LIMIT[field]] ?? undefined) === undefined ? field : undefined;
}

/** Was the client's model named otherwise than the upstream's, or does an approach run? */
function hidesModel({ exchange }: Call): boolean {
  const { plan, operation, request } = exchange;
  if (operation !== 'chat' || plan === undefined) return false;
  return plan.approach !== 'none' || plan.request.value.model !== request.value.model;
}

/** The fields that the client did not send with this value. A seed is the client's if the client sent any. */
function ownFields(call: Call): Set<string> {
  const original: Readonly<Record<string, unknown>> = clientsRequestOf(call);
  const { value } = call.request;
  const own = new Set<string>();
  for (const [field, mine] of Object.entries(value)) {
    if (NOT_OPTIONS.has(field) || mine === undefined) continue;
    const isClients =
      field === 'seed' ? typeof original['seed'] === 'number' : isDeepStrictEqual(mine, original[field]);
    if (!isClients) own.add(field);
  }
  const isPrefilled =
    value.messages.at(-1)?.role === 'assistant' && clientsRequestOf(call).messages.at(-1)?.role !== 'assistant';
  if (isPrefilled) own.add('prefill');
  return own;
}

interface Leaving {
  readonly field: string;
  readonly own: Set<string>;
  /** The client's own limit, which is renamed and never left out. */
  readonly limit: string | undefined;
  readonly isRefused: (field: string) => boolean;
}

/** The call without the field; the given call itself if the field has to stay. */
function without(call: Call, { field, own, limit, isRefused }: Leaving): Call {
  own.delete(field);
  const { value } = call.request;
  const changes: Record<string, unknown> = { [field]: undefined };
  if (field === 'logprobs') changes['top_logprobs'] = undefined;
  if (field === 'max_tokens' || field === 'max_completion_tokens') {
    const other = OTHER_LIMIT[field];
    if (value[other] === undefined && !isRefused(other)) {
      changes[other] = value[field];
      if (field !== limit) own.add(other);
    } else if (field === limit) return call;
  }
  call.exchange.trace.note({ left_out: [...new Set([...leftOut(call), field])] });
  if (field === 'prefill') return call.with({ messages: value.messages.slice(0, -1) });
  return call.with(changes);
}

function leftOut({ exchange }: Call): readonly string[] {
  const noted = exchange.trace.facts['left_out'];
  return Array.isArray(noted) ? noted.map(String) : [];
}

/**
 * Does the refusal also name a field of the client's (`temperature` and `top_p` cannot both be given)? Then the model
 * takes `field` from others.
 */
function blamesClientsField(reply: Reply, call: Call, field: string): boolean {
  if (reply.kind !== 'complete') return false;
  const { message, text } = refusalOf(reply);
  const words = (message ?? text).slice(0, 2_000);
  // A request has a few dozen fields at most; one with more was made to keep this busy.
  const fields = Object.keys(clientsRequestOf(call)).slice(0, 200);
  return fields.some(
    (each) =>
      each !== field && !NOT_OPTIONS.has(each) && !Object.hasOwn(OTHER_LIMIT, each) && placeOf(each, words) >= 0,
  );
}

/** Where a field stands in a text as a word of its own; -1 if it does not. */
function placeOf(field: string, words: string): number {
  return words.search(new RegExp(`(?<![\\w.])${field.replaceAll(/\W/g, String.raw`\$&`)}(?!\\w)`));
}

/** The one of `own` that a refusal names, by `param`, else the first that its code or message mentions. */
function refusedField(reply: Reply, own: ReadonlySet<string>): string | undefined {
  if (reply.kind !== 'complete' || (reply.status !== 400 && reply.status !== 422) || own.size === 0) return undefined;
  const { param, code, message, text } = refusalOf(reply);
  const words = `${code ?? ''} ${message ?? text}`;
  if (own.has('prefill') && /prefill|(?:end|last message).{0,60}(?:user|assistant)/i.test(words)) return 'prefill';
  if (param !== undefined) {
    const named = topLevelField(param);
    if (own.has(named)) return named;
    if (named === 'top_logprobs' && own.has('logprobs')) return 'logprobs';
    return undefined;
  }
  let first: string | undefined;
  let at = Infinity;
  for (const field of own) {
    const found = placeOf(field, words);
    if (found >= 0 && found < at) [first, at] = [field, found];
  }
  return first;
}
