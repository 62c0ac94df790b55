/** bon: ways of judging, and judges that are not waited for. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Scripted } from '../../support/scripted-handler.ts';
import { ask, withoutN, scores } from './bon-run.ts';

/** The rules once more, the plain way: score, then how many say the same, then place. */
function bestOf(candidates: readonly string[], scores: readonly number[]): string | undefined {
  const said = (text: string | undefined) => /answer: \d/.exec(text ?? '')?.[0];
  const agreeing = (text: string) => candidates.filter((other) => said(text) && said(other) === said(text)).length;
  const order = candidates.map((text, i) => ({
    text,
    i,
    score: scores[i] ?? -1,
    agreeing: Math.max(1, agreeing(text)),
  }));
  return order.toSorted((a, b) => b.score - a.score || b.agreeing - a.agreeing || a.i - b.i)[0]?.text;
}

describe('ways of judging', () => {
  test('pairwise compares every pair in both orders', async () => {
    const judge = ({ messages }: { messages: readonly { content?: unknown }[] }) => {
      const shown = /<answer number="1">\s*(\w)/.exec(String(messages[1]?.content))?.[1];
      return `Choice: ${shown === 'B' ? 1 : 2}`;
    };
    const request = { optigate: { bon: { bon_rating: 'pairwise' } } };
    const run = await ask({ script: { candidate: ['A', 'B', 'C'], judge }, request });
    expect([run.text, run.calls.length, run.rounds]).toEqual(['B', 1 + 6, 2]);
  });

  test('listwise ranks all at once', async () => {
    const request = { best_of_n: 4, bon_rating: 'listwise' };
    const run = await ask({ script: { candidate: ['A', 'B', 'C', 'D'], judge: ['Ranking: 4 > 2 > 1 > 3'] }, request });
    expect([run.text, run.calls.length, run.rounds]).toEqual(['D', 2, 2]);
    expect(run.calls[0]?.request).not.toHaveProperty('best_of_n');
  });

  test.each(['pairwise', 'listwise'])('%s without a usable word leaves the plurality', async (bon_rating) => {
    const candidate = ['answer: 17', 'answer: 42', 'The answer is 42.'];
    const run = await ask({ script: { candidate, judge: () => 'hm' }, request: { bon_rating } });
    expect(run.text).toBe(candidate[1]);
  });

  test.each([
    { bon_rating: 'pairwise', calls: 3 + 6 },
    { bon_rating: 'listwise', calls: 3 + 1 },
  ])('$bon_rating without n takes $calls calls in 2 rounds', async ({ bon_rating, calls }) => {
    const script = { candidate: ['A', 'B', 'C'], judge: () => 'Choice: 1\nRanking: 1 > 2 > 3' };
    const run = await ask({ script, capabilities: await withoutN(), request: { bon_rating } });
    expect([run.text, run.calls.length, run.rounds]).toEqual(['A', calls, 2]);
  });
});

describe('bon_early_stop', () => {
  const candidate = ['The answer is 4', 'answer: 4.0', String.raw`\boxed{4}`];

  test('skips the judges where all candidates agree', async () => {
    const request = { bon_early_stop: true, optigate: { trace: true } };
    const run = await ask({ script: { candidate }, request });
    expect([run.text, run.calls.length, run.rounds]).toEqual([candidate[0], 1, 1]);
    expect(run.completion['optigate']).toMatchObject({ bon: { saved_calls: 3, winner: 0 } });
    const single = await ask({ script: { candidate }, capabilities: await withoutN(), request });
    expect([single.calls.length, single.rounds]).toEqual([3, 1]);
  });

  test('does nothing where they do not, and is off by default', async () => {
    const script = { candidate: ['answer: 1', 'answer: 2', 'x'], judge: scores(1, 2, 3) };
    expect((await ask({ script, request: { bon_early_stop: true } })).calls.length).toBe(4);
    expect((await ask({ script: { candidate, judge: scores(1, 2, 3) } })).calls.length).toBe(4);
  });
});

describe('a judge that can change nothing any more', () => {
  const slow = (score: number): Scripted => ({ text: `Score: ${score}`, waves: 5 });

  test('is aborted, and the answer is as good as complete', async () => {
    const script = { candidate: ['A', 'B', 'C'], judge: ['Score: 10', slow(10), slow(10)] };
    const run = await ask({ script, request: { optigate: { trace: true } } });
    expect(run.text).toBe('A');
    expect(run.calls.filter(({ signal, end_ms }) => signal.aborted && end_ms === Infinity).length).toBe(2);
    expect([run.exchange.isPartial, run.exchange.headers.get('x-optigate-degraded')]).toEqual([undefined, undefined]);
    expect(run.completion['optigate']).toMatchObject({
      bon: { scores: [10, null, null], winner: 0, why: 'it is rated highest', saved_calls: 2 },
    });
  });

  test('is waited for while its candidate would win a tie by its place', async () => {
    const script = { candidate: ['A', 'B', 'C'], judge: [slow(10), 'Score: 10', { text: 'Score: 10', waves: 9 }] };
    const run = await ask({ script });
    expect(run.text).toBe('A');
    expect(run.calls.filter(({ signal, end_ms }) => signal.aborted && end_ms === Infinity).length).toBe(1);
  });

  test('is not waited for where others that agree decide the tie', async () => {
    const candidate = ['answer: 1', 'answer: 2', 'the answer is 2'];
    const run = await ask({ script: { candidate, judge: [slow(10), 'Score: 10', 'Score: 3'] } });
    expect(run.text).toBe(candidate[1]);
    expect(run.calls[1]?.signal.aborted).toBe(true);
  });

  test('is waited for while the best so far is below the top of the scale', async () => {
    const script = { candidate: ['A', 'B', 'C'], judge: ['Score: 9', slow(10), slow(2)] };
    const run = await ask({ script });
    expect([run.text, run.calls.some(({ end_ms }) => end_ms === Infinity)]).toEqual(['B', false]);
  });

  test('is waited for while it decides who is second of n: top', async () => {
    const script = { candidate: ['A', 'B', 'C'], judge: ['Score: 10', slow(2), slow(5)] };
    const run = await ask({ script, request: { n: 2, optigate: { n: 'top' } } });
    expect(run.completion.choices.map(({ message }) => message.content)).toEqual(['A', 'C']);
  });

  test('never changes the winner, however judges score and in whatever order they come', async () => {
    const score = fc.constantFrom(0, 5, 9, 10, 'none');
    const judge = fc.record({ score, waves: fc.integer({ min: 1, max: 4 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('answer: 1', 'answer: 2', 'prose'), { minLength: 3, maxLength: 3 }),
        fc.array(judge, { minLength: 3, maxLength: 3 }),
        async (answers, judges) => {
          const candidate = answers.map((answer, i) => `${i} says ${answer}`);
          const timed = judges.map(({ score, waves }) => ({ text: `Score: ${score}`, waves }));
          const together = judges.map(({ score }) => ({ text: `Score: ${score}`, waves: 1 }));
          const one = await ask({ script: { candidate, judge: timed } });
          const other = await ask({ script: { candidate, judge: together } });
          const expected = bestOf(
            candidate,
            judges.map(({ score }) => (typeof score === 'number' ? score : -1)),
          );
          expect([one.text, other.text]).toEqual([expected, expected]);
        },
      ),
      { numRuns: 60 },
    );
  });
});
