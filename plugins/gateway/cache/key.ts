import { hash } from 'node:crypto';
import { canonicalJson, payerOf, type Call, type Incoming, type Plan } from '../../../core/index.ts';

/** Entries stay apart per who asks and whose key pays, unless `shared`. */
export type Scope = 'identity' | 'shared';

/** Client headers that change what an upstream answers. */
const TELLING_HEADERS = [
  'anthropic-version',
  'anthropic-beta',
  'openai-beta',
  'openai-organization',
  'openai-project',
] as const;

/**
 * Names the answer to a client's whole request: everything that can change it, nothing that cannot. The call's digest
 * covers the body's canonical form, operation, path and upstream; budgets count where there may be more than one call,
 * because whoever runs into one answers with the best so far.
 */
export function answerKey(call: Call, plan: Plan, scope: Scope): string {
  const { maxCalls, maxTokens, deadlineMs } = plan.budget;
  return digest([
    'answer',
    call.digest,
    ...whose(call, scope),
    ...toldBy(call.exchange.client),
    plan.approach,
    canonicalJson(plan.options),
    // A trace is told within the answer.
    plan.wantsTrace === true ? 'trace' : '',
    ...(isOneCall(call, plan) ? [] : [maxCalls, maxTokens, deadlineMs].map(String)),
  ]);
}

/** Is there never a second call: no repair, no choices to be asked for singly? */
function isOneCall({ request }: Call, { isSingleCall, approach }: Plan): boolean {
  return isSingleCall && approach === 'none' && (request.value.n ?? 1) === 1;
}

/** Names one upstream call of an approach. Equal calls of one exchange have ordinals: best-of-5 stays five samples. */
export function callKey(call: Call, scope: Scope): string {
  return digest(['call', call.digest, String(call.ordinal), ...whose(call, scope), ...toldBy(call.exchange.client)]);
}

function whose(call: Call, scope: Scope): string[] {
  return scope === 'shared' ? ['shared'] : [call.exchange.identity.id, payerOf(call.exchange, call.upstream)];
}

function toldBy({ headers }: Incoming): string[] {
  const told: string[] = [];
  for (const name of TELLING_HEADERS) {
    const value = headers[name];
    if (value !== undefined) told.push(name, String(value));
  }
  return told;
}

/** The parts as a JSON list: no part can pass for two. */
function digest(parts: readonly string[]): string {
  return hash('sha256', JSON.stringify(parts), 'base64url');
}
