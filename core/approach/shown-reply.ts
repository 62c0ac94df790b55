import { GatewayError, gatewayError } from '../errors.ts';
import type { Call } from '../exchange/exchange.ts';
import { bringsContent, isLast } from '../wire/chat/chunk.ts';
import { completionToChunks } from '../wire/chat/completion-chunks.ts';
import type { Chunk } from '../wire/chat/chat-types.ts';
import type { Reply, StreamReply } from '../exchange/reply.ts';
import { isUsable, noneUsable } from './candidates.ts';
import { changedStream } from './joined-stream.ts';
import { completionOf, toAnswers } from './whole.ts';
import { reportDegraded, isSurvivable, refusesClientsField } from './losses.ts';

/**
 * The reply of the call that is shown, or, where that fails or brings nothing, the best so far: a failure after a usable
 * candidate fails no request. It does where the client left, or where a field of the client's own is refused.
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

/** A live answer; where its stream ends or breaks off without a word, the best so far follows before it ends. */
function neverEmpty(reply: StreamReply, call: Call, best: () => Reply): Reply {
  let hasContent = false;
  const instead = (reason: string) => {
    reportDegraded(call.exchange, reason);
    const found = best();
    return found.kind === 'complete' ? withoutRole([...completionToChunks(completionOf(found, call))]) : [];
  };
  return changedStream(reply, call, {
    change: (chunk) => {
      hasContent ||= bringsContent(chunk);
      return isLast(chunk) && !hasContent ? [] : [chunk];
    },
    onEnd: () => (hasContent ? [] : instead('answer_empty')),
    onFail: (error) => (hasContent || !isSurvivable(error, call) ? undefined : instead(reasonOf(error))),
  });
}

/** The stream has named its role already. */
function withoutRole(chunks: readonly Chunk[]): Chunk[] {
  return chunks.map((chunk) => ({
    ...chunk,
    choices: chunk.choices.map((choice) => ({
      ...choice,
      delta: Object.fromEntries(Object.entries(choice.delta).filter(([key]) => key !== 'role')),
    })),
  }));
}

/**
 * The reply of the call that is shown, for an approach with nothing else to show: one that brings nothing is an error,
 * never an empty success. A stream that ends so fails instead of ending.
 */
export async function shownOrError(shown: Promise<Reply>, call: Call): Promise<Reply> {
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
