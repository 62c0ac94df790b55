/** A second signal within this time is the same one: npm passes signals on, so they arrive twice. */
const SAME_SIGNAL_MS = 1_000;

/**
 * Calls `drain` on the first SIGTERM or SIGINT, and `endNow` on a later one that comes more than a second after it.
 * @returns  A function that stops listening to signals.
 */
export function onStopSignals(actions: { drain(): void; endNow(): void }, now: () => number = Date.now): () => void {
  let firstAt: number | undefined;
  const onSignal = () => {
    if (firstAt === undefined) {
      firstAt = now();
      actions.drain();
    } else if (now() - firstAt > SAME_SIGNAL_MS) {
      actions.endNow();
    }
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return () => {
    process.off('SIGTERM', onSignal);
    process.off('SIGINT', onSignal);
  };
}
