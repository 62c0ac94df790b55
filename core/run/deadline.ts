import type { Clock } from '../clock.ts';
import { gatewayError } from '../errors.ts';
import type { Call, Handler } from '../exchange/exchange.ts';
import { onEnd, type Reply } from '../exchange/reply.ts';
import { childSignal } from '../signals.ts';

/** Bounds a plain call: there is nothing to fall back to, so that its end is the exchange's. Cheaper than a signal of its own. */
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

/** Bounds a whole run, streams to their end; what the approach has by then is its answer. */
export async function withDeadline(running: Handler, call: Call, deadlineMs: number, clock: Clock): Promise<Reply> {
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
    const reply = await running(call.with({}, { signal: child.signal }));
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
