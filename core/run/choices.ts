import { seedAt } from '../approach/fan-out.ts';
import { JoinedStream } from '../approach/joined-stream.ts';
import { reportDegraded } from '../approach/losses.ts';
import { completionOf } from '../approach/whole.ts';
import type { Call, Handler, StreamStamp } from '../exchange/exchange.ts';
import { streamReply, type CompleteReply, type Reply, type StreamReply } from '../exchange/reply.ts';
import type { Capabilities } from './capabilities.ts';
import { mergeReplies, runBranches, type Branch } from './merge.ts';
import { isRefusalOfN } from './sampling.ts';

const MAX_CHOICES = 128;

/**
 * Fulfils the client's `n` in a plan of one call. `n` goes upstream unchanged, and a stream passes through. Only if the
 * upstream refuses `n`, or returns too few choices, the missing ones are asked for by single calls, all at once.
 */
export function countingChoices(
  handler: Handler,
  capabilities: Capabilities,
  createStamp: (call: Call) => StreamStamp,
): Handler {
  return async (call) => {
    // On the other wires `n` is the upstream's own affair: their answers are not joined.
    if (call.exchange.operation !== 'chat') return handler(call);
    const n = call.request.value.n ?? 1;
    // An `n` above what the wire allows is left for the upstream to refuse: so many single calls would fill the memory.
    if (!Number.isInteger(n) || n <= 1 || n > MAX_CHOICES) return handler(call);
    const isTaken = capabilities.takesN(call, n);
    if (isTaken === false) return singles(call, 0, n);
    const reply = await handler(call);
    if (isRefusalOfN(reply, call)) return withoutN(reply, call, n);
    if (reply.status >= 400 || reply.kind === 'bytes') return reply;
    if (reply.kind === 'complete') return toppedUp(reply, call, n);
    return isTaken === true ? reply : toppedUpStream(reply, call, n);
  };

  /** A call that brought `count` of `n` choices. If they are fewer, the next number would have been too many. */
  function learnFrom(count: number, call: Call, n: number): void {
    if (count >= n) capabilities.learnN(call, n, true);
    else capabilities.learnN(call, Math.max(count, 1) + 1, false);
  }

  function singles(call: Call, from: number, to: number): Promise<Reply> {
    return runBranches(singleBranches(from, to, handler), call, { stamp: createStamp(call), isRanked: true });
  }

  /** If the single calls fail, too, the client gets the refusal of `n`. */
  async function withoutN(refusal: Reply, call: Call, n: number): Promise<Reply> {
    const reply = await singles(call, 0, n).catch((error: unknown) => {
      if (call.signal.aborted) throw error;
      return refusal;
    });
    if (reply !== refusal) capabilities.learnN(call, n, false);
    return reply;
  }

  async function toppedUp(reply: CompleteReply, call: Call, n: number): Promise<Reply> {
    const { choices } = completionOf(reply, call);
    learnFrom(choices.length, call, n);
    if (choices.length >= n) return reply;
    const more = await singles(call, choices.length, n).catch(() => tooFew(call));
    return more?.kind === 'complete' ? mergeReplies([{ reply }, { reply: more }], call, createStamp(call)) : reply;
  }

  /**
   * A stream of a model of which it is not known whether it takes `n`: asks for the choices that are missing at its
   * end.
   */
  function toppedUpStream(reply: StreamReply, call: Call, n: number): Reply {
    const seen = new Set<number>();
    const joined = new JoinedStream({ call, stamp: undefined });
    joined.add({
      reply,
      change: (chunk) => {
        for (const { index } of chunk.choices ?? []) seen.add(index);
        return [chunk];
      },
      onEnd: async () => {
        learnFrom(seen.size, call, n);
        const from = seen.size;
        if (from >= n) return [];
        const more = await singles(call, from, n).catch(() => tooFew(call));
        if (more && more.kind !== 'bytes') joined.add({ reply: more, indexOf: (index) => index + from });
        return [];
      },
    });
    joined.close();
    return { ...streamReply(joined.body), headers: reply.headers };
  }
}

/** Reports that choices are missing; the client gets those that came. */
function tooFew({ exchange }: Call): undefined {
  reportDegraded(exchange, 'choices_missing');
}

function singleBranches(from: number, to: number, handler: Handler): Branch[] {
  return Array.from({ length: to - from }, (_, offset) => ({
    start: (call: Call) => {
      const { seed } = call.request.value;
      const index = from + offset;
      const isSeeded = typeof seed === 'number' && index > 0;
      return handler(call.with({ n: undefined, ...(isSeeded ? { seed: seedAt(seed, index) } : {}) }));
    },
  }));
}
