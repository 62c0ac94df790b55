/**
 * Makes the client's reply of an upstream's refusal (status 400 and above, or an error in place of an answer): in the
 * shape of its wire, and without keys.
 */
import { withHeader, type HeaderList } from '../bytes/header-list.ts';
import { Payload } from '../bytes/payload.ts';
import { completeReply, type CompleteReply } from '../exchange/reply.ts';
import type { Upstream } from '../exchange/upstream.ts';
import type { ChatCompletion } from '../wire/chat/chat-types.ts';
import type { Wire } from '../wire/wire.ts';
import type { Secrets } from './secrets.ts';

/** The reply for the client. It keeps the upstream's headers, such as `retry-after`. */
export function errorAnswer(
  received: Buffer,
  status: number,
  headers: HeaderList,
  { upstream, wire, secrets }: { readonly upstream: Upstream; readonly wire: Wire; readonly secrets: Secrets },
): CompleteReply {
  const shown = status > 599 ? 502 : status;
  const body = secrets.inBytes(wire.refusalBody(received, { status: shown, upstream: upstream.name }));
  return completeReply(
    Payload.fromBytes<ChatCompletion>(body),
    shown,
    secrets.inHeaders(withHeader(headers, 'content-type', 'application/json')),
  );
}
