/** Whole answers: calls that are not streamed, replies read to their end, and the answers in them. */
import { Payload } from '../bytes/payload.ts';
import { gatewayError } from '../errors.ts';
import type { Call } from '../exchange/exchange.ts';
import { completeReply, type CompleteReply, type Reply } from '../exchange/reply.ts';
import type { ChatCompletion, Choice } from '../wire/chat/chat-types.ts';
import { assembleStream } from '../wire/chat/chunk-assembler.ts';
import { messageText } from './text.ts';
import type { Answer } from './types.ts';

/** The request as a new call that asks for one choice and no stream. */
export function wholeCall(call: Call): Call {
  const { stream, stream_options, n } = call.request.value;
  if (stream === undefined && stream_options === undefined && n === undefined) return call.again({ wantsWhole: true });
  return call.with({ stream: undefined, stream_options: undefined, n: undefined }, { wantsWhole: true });
}

/** The reply as a complete one: a stream is read to its end and assembled. Throws if the stream breaks off. */
export async function wholeReply(reply: Reply, call: Call): Promise<CompleteReply> {
  if (reply.kind === 'complete') return reply;
  if (reply.kind === 'stream') return completeReply(Payload.fromValue(await assembleStream(reply.body)), reply.status);
  const chunks: Buffer[] = [];
  for await (const chunk of reply.body) chunks.push(chunk);
  call.signal.throwIfAborted();
  return completeReply(Payload.fromBytes(Buffer.concat(chunks)), reply.status, reply.headers);
}

/** One answer for each choice. Throws a 502 if the reply is not a chat completion. */
export function toAnswers(reply: CompleteReply, call: Call): Answer[] {
  const completion = completionOf(reply, call);
  return completion.choices.map((choice) => ({
    text: messageText(choice.message),
    choice,
    get reply() {
      return completion.choices.length === 1 ? reply : onlyChoice(reply, choice);
    },
    usage: completion.usage ?? undefined,
  }));
}

/** The reply's body as a chat completion. Throws a 502 if it is none. */
export function completionOf(reply: CompleteReply, call: Call): ChatCompletion {
  try {
    const { value } = reply.body;
    if (Array.isArray(value.choices) && value.choices.every((choice) => typeof choice?.message === 'object'))
      return value;
  } catch {
    // A body that is not JSON gets the same error as any other that is no completion.
  }
  throw gatewayError('upstream_error', {
    upstream: call.upstream.name,
    detail: 'did not answer with a chat completion',
  });
}

/** The reply with one of its choices alone. */
function onlyChoice(reply: CompleteReply, choice: Choice): CompleteReply {
  return { ...reply, body: reply.body.with({ choices: [{ ...choice, index: 0 }] }) };
}
