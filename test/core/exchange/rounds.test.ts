import { describe, expect, test } from 'vitest';
import { roundsOf, type TimedStep } from '../../../core/exchange/trace-summary.ts';
import { startGateway } from '../../support/gateway.ts';
import { chatCompletion, HANG, json, scriptedUpstream } from '../../support/scripted-upstream.ts';

type Span = readonly [start: number, end: number];

const lane = (...steps: readonly Span[]) => {
  const inner = calls(...steps);
  return { start_ms: inner[0]!.start_ms, end_ms: inner.at(-1)!.end_ms, steps: inner };
};
const calls = (...times: readonly Span[]) => times.map(([start_ms, end_ms]) => ({ start_ms, end_ms }));

describe('rounds: the longest chain of calls that waited for each other', () => {
  test.each<[string, readonly TimedStep[], number]>([
    ['nothing', calls(), 0],
    ['one call', calls([0, 5]), 1],
    ['calls at once, of any length', calls([0, 1], [0, 9], [0.1, 3]), 1],
    ['a fan-out and the call that waited for it', calls([0, 1], [0, 9], [9.1, 12]), 2],
    ['a chain', calls([0, 1], [1, 2], [2.5, 3]), 3],
    [
      'runs side by side, whose calls never wait for each other',
      [lane([0, 10], [10.1, 20]), lane([0, 30], [30.1, 40])],
      2,
    ],
    ['a call after runs of different length', [lane([0, 10], [10.1, 20]), lane([0, 30]), ...calls([31, 50])], 3],
    ['a call while another run goes on', [lane([0, 10], [10.1, 20], [20.1, 90]), ...calls([0, 15], [15.1, 30])], 3],
    ['calls without a duration', calls([0, 0], [0, 0], [1, 1]), 2],
  ])('%s', (_, entries, rounds) => {
    expect(roundsOf(entries)).toBe(rounds);
  });

  test('a call that was aborted because it was not needed is no round', async () => {
    await using upstream = await scriptedUpstream(({ json: body }) => {
      const text = JSON.stringify(body['messages']);
      if (!text.includes('You rate')) return body['n'] === undefined ? json(chatCompletion('A')) : json(two());
      return text.includes('candidate 0') ? json(chatCompletion('Score: 10')) : HANG;
    });
    await using gateway = await startGateway(upstream, { yaml: 'plugins: [bon]' });
    const optigate = { bon: { best_of_n: 2 }, trace: true };
    const response = await gateway.chat({ optillm_approach: 'bon', optigate });
    const { optigate: trace } = (await response.json()) as { optigate: { rounds: number; trace: object } };
    expect(trace.rounds).toBe(2);
    expect(JSON.stringify(trace.trace)).toContain('"aborted":true');
  });
});

function two() {
  const [choice] = chatCompletion('').choices;
  const choices = [0, 1].map((index) => ({
    ...choice,
    index,
    message: { role: 'assistant', content: `candidate ${index}` },
  }));
  return { ...chatCompletion(''), choices };
}
