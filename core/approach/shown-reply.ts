/** The reply of the last call, which the client sees, and what is shown instead if it fails or is empty. */
import { GatewayError, gatewayError } from '../errors.ts';
import type { Call } from '../exchange/exchange.ts';
import type { Reply, StreamReply } from '../exchange/reply.ts';
import { bringsContent, isLast } from '../wire/chat/chunk.ts';
import { completionToChunks } from '../wire/chat/completion-chunks.ts';
import { isUsable, noneUsable } from './candidates.ts';
import { changedStream } from './joined-stream.ts';
import { isSurvivable, refusesClientsField, reportDegraded } from './losses.ts';
import { completionOf, toAnswers } from './whole.ts';

/**
 * The reply of the last call, or `best()` if that call fails or is empty, with the reason in `x-optigate-degraded`: an
 * approach that has a usable candidate need not fail. Two failures pass to the client all the same: the client left, or
 * the upstream refuses a field that the client itself sent.
 * @param call  The call that `shown` answers.
 * @param best  What is shown instead; called at most once.
 */
export async function shownOrBest(shown: Promise<Reply>, call: Call, best: () => Reply): Promise<Reply> {
  let reply: Reply;
  try {
    reply = await shown;
  } catch (error) {
    if (!isSurvivable(error, call)) throw error;
    reportDegraded(call.exchange, reasonOf(error));
    return best();
  }
  if (reply.kind !== 'complete') return reply.kind === 'stream' ? neverEmpty(reply, call, best) : reply;
  if (reply.status >= 400) {
    if (refusesClientsField(reply, call)) return reply;
    reportDegraded(call.exchange, 'answer_failed');
    return best();
  }
  const [answer] = toAnswers(reply, call);
  if (answer && isUsable(answer)) return reply;
  reportDegraded(call.exchange, 'answer_empty');
  return best();
}

function reasonOf(error: unknown): string {
  return (error instanceof GatewayError ? error.code : undefined) ?? 'answer_failed';
}

/**
 * The live reply. If its stream ends or breaks off without any content, the chunks of `best()` follow in the same
 * stream.
 */
function neverEmpty(reply: StreamReply, call: Call, best: () => Reply): Reply {
  let hasContent = false;
  const chunksOfBest = (reason: string) => {
    reportDegraded(call.exchange, reason);
    const found = best();
    return found.kind === 'complete' ? [...completionToChunks(completionOf(found, call))] : [];
  };
  return changedStream(reply, call, {
    change: (chunk) => {
      hasContent ||= bringsContent(chunk);
      return isLast(chunk) && !hasContent ? [] : [chunk];
    },
    onEnd: () => (hasContent ? [] : chunksOfBest('answer_empty')),
    onFail: (error) => (hasContent || !isSurvivable(error, call) ? undefined : chunksOfBest(reasonOf(error))),
  });
}

/**
 * The reply of the last call, for an approach that has nothing else to show. An empty reply is an error, never an empty
 * success: throws a 502, and a stream that ends without content fails.
 */
export async function shownOrError(shown: Promise<Reply>, call: Call): Promise<Reply> {
  const reply = await shown;
  if (reply.kind === 'stream') return failingIfEmpty(reply, call);
  if (reply.kind !== 'complete' || reply.status >= 400) return reply;
  const answers = toAnswers(reply, call);
  return answers.some(isUsable) ? reply : noneUsable(answers, call);
}

function failingIfEmpty(reply: StreamReply, call: Call): Reply {
  let hasContent = false;
  return changedStream(reply, call, {
    change: (chunk) => {
      hasContent ||= bringsContent(chunk) || chunk.choices.some(({ finish_reason }) => isLimit(finish_reason));
      return isLast(chunk) && !hasContent ? [] : [chunk];
    },
    onEnd: () => {
      if (hasContent) return [];
      throw gatewayError('upstream_error', { upstream: call.upstream.name, detail: 'answered with nothing usable' });
    },
  });
}

/** Was the answer filtered, or cut while the model was still thinking? Then nothing is what the upstream has to show. */
function isLimit(reason: unknown): boolean {
  return reason === 'content_filter' || reason === 'length';
}
