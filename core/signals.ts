/** A signal that aborts when its parent does, or on its own. */
export interface ChildSignal {
  readonly signal: AbortSignal;
  abort(reason: unknown): void;
  /**
   * Unlinks it from its parent. Call it when nothing waits for the signal any more, or the parent keeps it in memory.
   */
  release(): void;
}

/** Creates a signal that aborts, with the same reason, when its parent does. */
export function childSignal(parent: AbortSignal): ChildSignal {
  const controller = new AbortController();
  const onAbort = () => controller.abort(parent.reason);
  if (parent.aborted) onAbort();
  else parent.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    release: () => parent.removeEventListener('abort', onAbort),
  };
}
