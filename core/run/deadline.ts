import type { Clock } from '../clock.ts';
import { gatewayError } from '../errors.ts';
import type { Call, Handler } from '../exchange/exchange.ts';
import { onEnd, type Reply } from '../exchange/reply.ts';
import { childSignal } from '../signals.ts';

/**
 * Ends a plain call at the deadline, its stream included. No earlier answer could take its place, so this aborts the
 * whole exchange: that is cheaper than a signal of the call's own.
 * @param deadlineMs  From the request's arrival.
 */
export async function bounded(next: Handler, call: Call, deadlineMs: number, clock: Clock): Promise<Reply> {
  const { exchange } = call;
  const cancelTimer = clock.setTimeout(
    () => exchange.abort(gatewayError('deadline_exceeded', { ms: deadlineMs })),
    timeLeft(call, deadlineMs),
  );
  try {
    const reply = await next(call);
    onEnd(reply, cancelTimer);
    return reply;
  } catch (error) {
    cancelTimer();
    throw error;
  }
}

/**
 * Ends a run of approaches at the deadline, its stream included. Only the run's own signal aborts, so that an approach
 * can still answer with the best it has by then.
 * @param deadlineMs  From the request's arrival.
 */
export async function withDeadline(run: Handler, call: Call, deadlineMs: number, clock: Clock): Promise<Reply> {
  const child = childSignal(call.signal);
  const cancelTimer = clock.setTimeout(
    () => child.abort(gatewayError('deadline_exceeded', { ms: deadlineMs })),
    timeLeft(call, deadlineMs),
  );
  const release = () => {
    cancelTimer();
    child.release();
  };
  try {
    const reply = await run(call.with({}, { signal: child.signal }));
    onEnd(reply, release);
    return reply;
  } catch (error) {
    release();
    throw error;
  }
}

function timeLeft({ exchange }: Call, deadlineMs: number): number {
  return Math.max(0, deadlineMs - (performance.now() - exchange.startedAt));
}
