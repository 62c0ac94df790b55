import type { AsyncSeriesBailHook, AsyncSeriesHook } from 'tapable';

/** Runs a bail hook. Returns its result at once if all its taps were sync, else a promise. */
export function settleBail<A, R>(
  hook: AsyncSeriesBailHook<[A], R>,
  argument: A,
): R | undefined | Promise<R | undefined> {
  let settled: { error: Error | null; result: R | undefined } | undefined;
  let settleLater: ((outcome: { error: Error | null; result: R | undefined }) => void) | undefined;
  hook.callAsync(argument, (error, result) => {
    const outcome = { error: error ?? null, result };
    if (settleLater) settleLater(outcome);
    else settled = outcome;
  });
  if (settled) {
    if (settled.error) throw settled.error;
    return settled.result;
  }
  return new Promise((resolve, reject) => {
    settleLater = ({ error, result }) => (error ? reject(error) : resolve(result));
  });
}

/** Runs a series hook. Returns at once if all its taps were sync, else a promise. */
export function settleSeries<A>(hook: AsyncSeriesHook<[A]>, argument: A): void | Promise<void> {
  let settled: { error: Error | null } | undefined;
  let settleLater: ((outcome: { error: Error | null }) => void) | undefined;
  hook.callAsync(argument, (error) => {
    const outcome = { error: error ?? null };
    if (settleLater) settleLater(outcome);
    else settled = outcome;
  });
  if (settled) {
    if (settled.error) throw settled.error;
    return undefined;
  }
  return new Promise((resolve, reject) => {
    settleLater = ({ error }) => (error ? reject(error) : resolve());
  });
}
