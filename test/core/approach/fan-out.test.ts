import { describe, expect, test } from 'vitest';
import type { Call } from '../../../core/index.ts';
import { sideBySide } from '../../../core/approach/index.ts';
import { Call as OneCall } from '../../../core/exchange/exchange.ts';
import { chatExchange, testUpstreams } from '../../support/scripted-handler.ts';

function callOf(signal?: AbortSignal): Call {
  const exchange = chatExchange({ model: 'm', messages: [] }, signal ? { signal } : {});
  const { request } = exchange;
  return new OneCall({ exchange, request, role: 'judge', upstream: testUpstreams().default, signal: exchange.signal });
}

/** Waits until its call is aborted. */
const untilAborted = ({ signal }: Call) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));

describe('calls side by side', () => {
  test('give their results in the order of the calls, failures among them', async () => {
    const call = callOf();
    const calls = [call.again(), call.again(), call.again()];
    const failure = new Error('no');
    const run = async (one: Call) => {
      const index = calls.indexOf(one);
      await Promise.all(Array.from({ length: 3 - index }, () => Promise.resolve()));
      if (index === 1) throw failure;
      return index;
    };
    expect(await sideBySide(call, calls, run)).toEqual({
      results: [
        { status: 'fulfilled', value: 0 },
        { status: 'rejected', reason: failure },
        { status: 'fulfilled', value: 2 },
      ],
      aborted: 0,
    });
  });

  test('are aborted once the results suffice, without a word of theirs', async () => {
    const call = callOf();
    const seen: AbortSignal[] = [];
    const run = (one: Call) => {
      seen.push(one.signal);
      return seen.length === 1 ? Promise.resolve('enough') : untilAborted(one);
    };
    const { results, aborted } = await sideBySide(
      call,
      [call.again(), call.again(), call.again()],
      run,
      ([first]) => first?.status === 'fulfilled',
    );
    expect([results, aborted]).toEqual([[{ status: 'fulfilled', value: 'enough' }, undefined, undefined], 2]);
    expect(seen.map(({ aborted }) => aborted)).toEqual([true, true, true]);
    expect(call.signal.aborted).toBe(false);
  });

  test('end with the call that they belong to', async () => {
    const client = new AbortController();
    const call = callOf(client.signal);
    const asking = sideBySide(call, [call.again(), call.again()], untilAborted, () => false);
    client.abort(new Error('the client left'));
    const { results, aborted } = await asking;
    expect(results.map((result) => result?.status)).toEqual(['rejected', 'rejected']);
    expect(aborted).toBe(0);
  });

  test('none at all is no wait', async () => {
    expect(await sideBySide(callOf(), [], untilAborted)).toEqual({ results: [], aborted: 0 });
  });
});
