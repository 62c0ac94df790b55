import { hash } from 'node:crypto';
import { canonicalJson, payerOf, type Call, type Incoming, type Plan } from '../../../core/index.ts';

/** `identity` = callers, and keys that pay, have entries of their own. `shared` = all share one set of entries. */
export type Scope = 'identity' | 'shared';

/** Client headers that can change what an upstream answers. */
const KEY_HEADERS = [
  'anthropic-version',
  'anthropic-beta',
  'openai-beta',
  'openai-organization',
  'openai-project',
] as const;

/**
 * The key of the answer to a client's whole request: a digest of everything that can change the answer, and nothing
 * else. The call's digest covers the body's canonical form, the operation, the path and the upstream. Budgets are part
 * of the key if there may be several calls, because an approach that reaches a limit answers with the best so far.
 */
export function answerKey(call: Call, plan: Plan, scope: Scope): string {
  const { maxCalls, maxTokens, deadlineMs } = plan.budget;
  return digest([
    'answer',
    call.digest,
    ...ownerParts(call, scope),
    ...headerParts(call.exchange.client),
    plan.approach,
    canonicalJson(plan.options),
    // The trace is part of the answer.
    plan.wantsTrace === true ? 'trace' : '',
    ...(isOneCall(call, plan) ? [] : [maxCalls, maxTokens, deadlineMs].map(String)),
  ]);
}

/** Does the plan make exactly one call: no repeat without a refused field, no single calls for `n`? */
function isOneCall({ request }: Call, { isSingleCall, approach }: Plan): boolean {
  return isSingleCall && approach === 'none' && (request.value.n ?? 1) === 1;
}

/**
 * The key of one upstream call of an approach. The ordinal keeps equal calls of a request apart: best-of-5 stays five
 * samples.
 */
export function callKey(call: Call, scope: Scope): string {
  const { client } = call.exchange;
  return digest(['call', call.digest, String(call.ordinal), ...ownerParts(call, scope), ...headerParts(client)]);
}

function ownerParts(call: Call, scope: Scope): string[] {
  return scope === 'shared' ? ['shared'] : [call.exchange.identity.id, payerOf(call.exchange, call.upstream)];
}

function headerParts({ headers }: Incoming): string[] {
  const parts: string[] = [];
  for (const name of KEY_HEADERS) {
    const value = headers[name];
    if (value !== undefined) parts.push(name, String(value));
  }
  return parts;
}

/** Digest of the parts as a JSON list: joined without one, different parts could give the same text. */
function digest(parts: readonly string[]): string {
  return hash('sha256', JSON.stringify(parts), 'base64url');
}
