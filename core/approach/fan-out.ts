/** Fan-out: calls that are made at the same time, and what is left if some of them fail. */
import type { Call } from '../exchange/exchange.ts';
import { childSignal } from '../signals.ts';
import { firstByRank } from '../upstream/refusal.ts';
import { recordLoss, survive } from './losses.ts';
import type { Answer } from './types.ts';

/** What came of calls that were made at the same time. */
export interface SideBySide<T> {
  /** How each call ended, in the order of the calls; undefined if it was aborted while it was open. */
  readonly results: readonly (PromiseSettledResult<T> | undefined)[];
  /** How many calls were aborted by `until`. */
  readonly aborted: number;
}

/**
 * Makes calls at the same time and waits for all of them. Never rejects: a failure is one of the results.
 * @param call   The call that they are made for; if it is aborted, so are they.
 * @param run    Makes one call. With `until`, the call it is given has a signal of its own, which may abort earlier.
 * @param until  Called whenever a call has ended, with the results so far (undefined = open). True aborts the rest.
 */
export function sideBySide<T>(
  call: Call,
  calls: readonly Call[],
  run: (call: Call) => Promise<T>,
  until?: (results: SideBySide<T>['results']) => boolean,
): Promise<SideBySide<T>> {
  const results = calls.map((): PromiseSettledResult<T> | undefined => undefined);
  const group = until && childSignal(call.signal);
  return new Promise((resolve) => {
    let open = calls.length;
    let isOver = false;
    const end = () => {
      isOver = true;
      resolve({ results: [...results], aborted: open });
      group?.release();
      if (open > 0) group?.abort(new Error('nothing depends on this call any more'));
    };
    const settle = (index: number, result: PromiseSettledResult<T>) => {
      if (isOver) return;
      results[index] = result;
      open--;
      if (open === 0 || until?.(results) === true) end();
    };
    if (open === 0) end();
    for (const [index, one] of calls.entries()) {
      run(group ? one.with({}, { signal: group.signal }) : one).then(
        (value) => settle(index, { status: 'fulfilled', value }),
        (reason: unknown) => settle(index, { status: 'rejected', reason }),
      );
    }
  });
}

/**
 * The answers of calls that are running already. Failed ones are dropped; if all failed, throws the failure that ranks
 * first (`firstByRank`).
 */
export async function anyOf(asked: readonly Promise<Answer>[], call: Call): Promise<readonly Answer[]> {
  return strictly(outcomeOf(await Promise.allSettled(asked)), call);
}

/**
 * What came of runs at the same time, in their order. Failed ones are dropped; throws a failure that is not survivable, and
 * if all failed, the one that ranks first (`firstByRank`).
 */
export async function survivors<T extends object>(running: readonly Promise<T>[], call: Call): Promise<readonly T[]> {
  const failures = (await Promise.allSettled(running)).filter((result) => result.status === 'rejected');
  if (failures.length > 0 && failures.length === running.length)
    throw firstByRank(failures.map(({ reason }) => reason as unknown));
  const results = await Promise.all(running.map((one) => survive(one, call)));
  return results.filter((result) => result !== undefined);
}

/**
 * The seed of the sample with this index: counted up from the client's seed, so that samples differ. A seed beyond the
 * exact integers stays as it is, because adding to it would change nothing, or the wrong digits.
 */
export function seedAt(seed: number, index: number): number {
  return Number.isSafeInteger(seed + index) ? seed + index : seed;
}

/** The answers and the failures of one fan-out; calls that were aborted or brought no choice are in neither. */
export interface FanOutcome {
  readonly answers: readonly Answer[];
  readonly failures: readonly unknown[];
}

/** The answers. Each failure is recorded as a loss; if there are failures alone, throws the one that ranks first. */
export function strictly({ answers, failures }: FanOutcome, { exchange }: Call): readonly Answer[] {
  if (answers.length === 0 && failures.length > 0) throw firstByRank(failures);
  for (const failure of failures) recordLoss(failure, exchange);
  return answers;
}

/** Sorts results into answers and failures. */
export function outcomeOf(results: SideBySide<Answer | undefined>['results']): FanOutcome {
  const answers: Answer[] = [];
  const failures: unknown[] = [];
  for (const result of results) {
    if (result?.status === 'rejected') failures.push(result.reason);
    else if (result?.value) answers.push(result.value);
  }
  return { answers, failures };
}
