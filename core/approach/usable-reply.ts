import { gatewayError } from '../errors.ts';
import type { Call } from '../exchange/exchange.ts';
import type { Reply, StreamReply } from '../exchange/reply.ts';
import { bringsContent, isLast } from './best-so-far.ts';
import { isUsable, noneUsable } from './candidates.ts';
import { changedStream } from './streams.ts';
import { toAnswers } from './whole.ts';

/**
 * The reply of the call that is shown, for an approach with nothing else to show: one that brings nothing is an error,
 * never an empty success. A stream that ends so fails instead of ending.
 */
export async function usableReply(shown: Promise<Reply>, call: Call): Promise<Reply> {
  const reply = await shown;
  if (reply.kind === 'stream') return failingIfEmpty(reply, call);
  if (reply.kind !== 'complete' || reply.status >= 400) return reply;
  const answers = toAnswers(reply, call);
  return answers.some(isUsable) ? reply : noneUsable(answers, call);
}

function failingIfEmpty(reply: StreamReply, call: Call): Reply {
  let isTold = false;
  return changedStream(reply, call, {
    change: (chunk) => {
      isTold ||= bringsContent(chunk) || chunk.choices.some((choice) => choice.finish_reason === 'content_filter');
      return isLast(chunk) && !isTold ? [] : [chunk];
    },
    onEnd: () => {
      if (isTold) return [];
      throw gatewayError('upstream_error', { upstream: call.upstream.name, detail: 'answered with nothing usable' });
    },
  });
}
