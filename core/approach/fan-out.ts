import type { Call } from '../exchange/exchange.ts';
import { childSignal } from '../signals.ts';
import type { Answer } from './types.ts';
import { firstByRank } from '../upstream/refusal.ts';
import { recordLoss } from './losses.ts';

export interface SideBySide<T> {
  /** How each ended, in the order of the calls; undefined = aborted while it was open. */
  readonly results: readonly (PromiseSettledResult<T> | undefined)[];
  /** How many were aborted. */
  readonly aborted: number;
}

/**
 * Makes calls at the same time and waits for all of them.
 * @param run    Makes one of them: the call it is given may be aborted before `call` is.
 * @param until  Looked at each time one has ended, with the results so far (undefined = open): true aborts the rest.
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

/** The answers of calls that were made side by side. Failed ones are dropped; when none is left, throws the failure that ranks first. */
export async function anyOf(asked: readonly Promise<Answer>[], call: Call): Promise<readonly Answer[]> {
  return strictly(outcomeOf(await Promise.allSettled(asked)), call);
}

/** Seeds beyond the exact integers stay as they are: adding to them would change nothing, or the wrong digits. */
export function seedAt(seed: number, index: number): number {
  return Number.isSafeInteger(seed + index) ? seed + index : seed;
}

export interface FanOutcome {
  readonly answers: readonly Answer[];
  readonly failures: readonly unknown[];
}

export function strictly({ answers, failures }: FanOutcome, { exchange }: Call): readonly Answer[] {
  if (answers.length === 0 && failures.length > 0) throw firstByRank(failures);
  for (const failure of failures) recordLoss(failure, exchange);
  return answers;
}

export function outcomeOf(results: SideBySide<Answer | undefined>['results']): FanOutcome {
  const answers: Answer[] = [];
  const failures: unknown[] = [];
  for (const result of results) {
    if (result?.status === 'rejected') failures.push(result.reason);
    else if (result?.value) answers.push(result.value);
  }
  return { answers, failures };
}
