/** Reads a body that was collected whole. */
import type { HeaderList } from '../bytes/header-list.ts';
import { Payload } from '../bytes/payload.ts';
import { completeReply, type CompleteReply } from '../exchange/reply.ts';
import type { ChatCompletion, Usage } from '../wire/chat/chat-types.ts';
import type { Wire } from '../wire/wire.ts';
import { asJson } from './response-head.ts';
import type { Secrets } from './secrets.ts';

/** What a whole body is. */
export type WholeAnswer =
  | { readonly kind: 'answer'; readonly reply: CompleteReply; readonly usage: Usage | undefined }
  /** An error, by its status or inside a 200. */
  | { readonly kind: 'refusal'; readonly received: Buffer; readonly status: number }
  /** `detail` completes "The upstream 'x' …". */
  | { readonly kind: 'unusable'; readonly detail: string };

/** What is known of a body. */
interface BodyFacts {
  readonly status: number;
  readonly headers: HeaderList;
  /** Do the headers say where the body ends? If not, a cut looks like an end. */
  readonly isFramed: boolean;
  readonly wire: Wire;
  readonly secrets: Secrets;
}

export function readWholeAnswer(bytes: Buffer, facts: BodyFacts): WholeAnswer {
  const { status, headers, isFramed, wire, secrets } = facts;
  if (status >= 400) return { kind: 'refusal', received: bytes, status };
  const verdict = wire.examine(bytes, isFramed);
  if (verdict.kind === 'unusable') return verdict;
  if (verdict.kind === 'failure') return { kind: 'refusal', received: verdict.body, status: verdict.failure.status };
  const { value, usage } = verdict;
  // The bodies of all wires have this type, which is open. Code that does not know the wire reads only `usage` from it.
  const body = value?.['error']
    ? Payload.fromBytes<ChatCompletion>(secrets.inBytes(bytes))
    : Payload.fromBytes(bytes, value as ChatCompletion | undefined);
  return { kind: 'answer', reply: completeReply(body, status, asJson(headers)), usage };
}
