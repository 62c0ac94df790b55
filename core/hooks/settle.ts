import type { AsyncSeriesBailHook, AsyncSeriesHook } from 'tapable';

/** Runs a bail hook; a promise only where a tap needed one. */
export function settleBail<A, R>(
  hook: AsyncSeriesBailHook<[A], R>,
  argument: A,
): R | undefined | Promise<R | undefined> {
  let settled: { error: Error | null; result: R | undefined } | undefined;
  let wake: ((outcome: { error: Error | null; result: R | undefined }) => void) | undefined;
  hook.callAsync(argument, (error, result) => {
    const outcome = { error: error ?? null, result };
    if (wake) wake(outcome);
    else settled = outcome;
  });
  if (settled) {
    if (settled.error) throw settled.error;
    return settled.result;
  }
  return new Promise((resolve, reject) => {
    wake = ({ error, result }) => (error ? reject(error) : resolve(result));
  });
}

/** Runs a series hook; waits only where a tap needs it. */
export function settleSeries<A>(hook: AsyncSeriesHook<[A]>, argument: A): void | Promise<void> {
  let settled: { error: Error | null } | undefined;
  let wake: ((outcome: { error: Error | null }) => void) | undefined;
  hook.callAsync(argument, (error) => {
    const outcome = { error: error ?? null };
    if (wake) wake(outcome);
    else settled = outcome;
  });
  if (settled) {
    if (settled.error) throw settled.error;
    return undefined;
  }
  return new Promise((resolve, reject) => {
    wake = ({ error }) => (error ? reject(error) : resolve());
  });
}
