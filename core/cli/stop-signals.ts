/** A signal that npm passes on arrives twice. */
const SAME_SIGNAL_MS = 1_000;

/**
 * The first SIGTERM or SIGINT calls `drain`; one more within a second is the same one; a later one calls `endNow`.
 * @returns a function that stops listening
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
