import { describe, expect, test } from 'vitest';
import { definePlugin } from '../../../core/index.ts';
import {
  askJudge,
  askJudges,
  chooseOne,
  comparePairs,
  rankList,
  rate,
  rateEach,
  type Asking,
} from '../../../core/approach/index.ts';
import { runApproach, type RunOptions } from '../../support/scripted-handler.ts';

/** What `work` gives with these judges, and what became of the request. */
async function judged<T>(
  judge: RunOptions['script'][string],
  work: (asking: Asking) => Promise<T>,
  options: Partial<RunOptions> = {},
) {
  let result: T | undefined;
  const plugin = definePlugin({
    name: 'panel',
    description: 'Asks judges, then answers.',
    apply: ({ approaches }) =>
      approaches.add('panel', {
        kind: 'answerer',
        async run(call, next) {
          result = await work({ call, next });
          return (await next.ask(call.with({ user: 'u' }))).reply;
        },
      }),
  });
  const script = { judge, answer: () => 'done' };
  const { calls, exchange, rounds } = await runApproach('panel', { plugins: [plugin], script, ...options });
  return {
    result: result!,
    judges: calls.filter(({ role }) => role !== 'answer'),
    rounds: rounds - 1,
    degraded: exchange.headers.get('x-optigate-degraded'),
    isPartial: exchange.isPartial,
  };
}

const CANDIDATES = ['A', 'B', 'C'];
const promptOf = (...shown: readonly string[]) => ({ system: 'Judge.', user: shown.join('') });
const shownTo = ({ messages }: { messages: readonly { content?: unknown }[] }) => String(messages[1]?.content);
const failed = { status: 500 };

describe('one judge', () => {
  test('gets its prompt, sampling and fields, and says what it says', async () => {
    const prompt = { ...promptOf('A'), temperature: 0.3, limit: 77, role: 'critic', fields: { vendor: 1 } };
    const run = await judged([], (asking) => askJudge(asking, prompt), {
      script: { critic: ['Well.'], answer: () => 'done' },
      request: { top_p: 0.5 },
    });
    expect(run.result?.text).toBe('Well.');
    const { request } = run.judges[0]!;
    expect(request).toMatchObject({ temperature: 0.3, max_tokens: 77, vendor: 1 });
    expect(request).not.toHaveProperty('top_p');
    expect(request.messages.map(({ content }) => content)).toEqual(['Judge.', 'A']);
  });

  test('that fails is undefined, and the answer is not worth keeping', async () => {
    const run = await judged([failed], (asking) => askJudge(asking, promptOf('A')));
    expect([run.result, run.isPartial, run.degraded]).toEqual([undefined, true, undefined]);
  });

  test.each([
    ['Score: 7', 7],
    ['no idea', null],
    [failed, null],
  ])('rates: %o is %o', async (said, score) => {
    expect((await judged([said], (asking) => rate(asking, promptOf('A'), [0, 10]))).result).toBe(score);
  });
});

describe('several judges', () => {
  test('answer at once, in the order of their prompts', async () => {
    const run = await judged([{ text: 'slow', waves: 2 }, 'fast'], (asking) =>
      askJudges(asking, [promptOf('A'), promptOf('B')]),
    );
    expect([run.result, run.rounds]).toEqual([{ verdicts: ['slow', 'fast'], aborted: 0 }, 1]);
  });

  test('that all fail are reported once, by the word given', async () => {
    const ask = (lost?: string | null) =>
      judged([failed, failed], (asking) => askJudges(asking, [promptOf('A'), promptOf('B')], { lost }));
    expect((await ask()).degraded).toBe('judges_failed');
    expect((await ask('critique_failed')).degraded).toBe('critique_failed');
    expect((await ask(null)).degraded).toBeUndefined();
  });

  test('of which one fails are no news', async () => {
    const run = await judged([failed, 'fine'], (asking) => askJudges(asking, [promptOf('A'), promptOf('B')]));
    expect([run.result.verdicts, run.degraded]).toEqual([[null, 'fine'], undefined]);
  });

  test('end with a failure that no approach can go on after', async () => {
    const asking = judged([{ throws: new Error('a bug') }, 'fine'], (asking) =>
      askJudges(asking, [promptOf('A'), promptOf('B')]),
    );
    await expect(asking).rejects.toThrow(/failed/);
  });

  test('none at all are no loss', async () => {
    const run = await judged([], (asking) => askJudges(asking, []));
    expect([run.result.verdicts, run.degraded]).toEqual([[], undefined]);
  });
});

describe('rating each', () => {
  const rating = (asking: Asking) => rateEach(asking, { candidates: CANDIDATES, prompt: promptOf, scale: [0, 10] });

  test('gives a score for each candidate, by one call each in one round', async () => {
    const run = await judged((request) => `Score: ${'ABC'.indexOf(shownTo(request))}`, rating);
    expect([run.result.scores, run.judges.length, run.rounds]).toEqual([[0, 1, 2], 3, 1]);
  });

  test('leaves out what failed, cannot be read, or lies off the scale', async () => {
    const run = await judged([failed, 'hm', 'Score: 11'], rating);
    expect([run.result.scores, run.degraded]).toEqual([[null, null, null], 'judges_failed']);
  });

  test('aborts judges that can change nothing any more', async () => {
    const run = await judged(['Score: 10', { text: 'Score: 1', waves: 9 }, { hangs: true }], (asking) =>
      rateEach(asking, {
        candidates: CANDIDATES,
        prompt: promptOf,
        scale: [0, 10],
        until: (scores) => scores.includes(10),
      }),
    );
    expect(run.result).toEqual({ scores: [10, undefined, undefined], aborted: 2 });
    expect(run.judges.map(({ signal }) => signal.aborted)).toEqual([true, true, true]);
    expect([run.isPartial, run.degraded]).toEqual([undefined, undefined]);
  });
});

describe('comparing pairs', () => {
  const comparing = (asking: Asking) => comparePairs(asking, { candidates: CANDIDATES, prompt: promptOf });

  test('shows each pair in both orders, by two calls a pair in one round', async () => {
    const run = await judged(() => 'Choice: 1', comparing);
    expect(run.judges.map(({ request }) => shownTo(request))).toEqual(['AB', 'AC', 'BA', 'BC', 'CA', 'CB']);
    expect([run.result.points, run.rounds]).toEqual([[2, 2, 2], 1]);
  });

  test('counts a point for each comparison won', async () => {
    const run = await judged((request) => `Choice: ${shownTo(request).indexOf('B') === 1 ? 2 : 1}`, comparing);
    expect(run.result).toEqual({ points: [1, 4, 1], isUnread: false });
  });

  test('leaves out comparisons that failed or cannot be read', async () => {
    // A beats C. No comparison with B can be read.
    const said = { AC: 'Choice: 1' } as Readonly<Record<string, string>>;
    const run = await judged((request) => said[shownTo(request)] ?? 'hm', comparing);
    expect(run.result).toEqual({ points: [1, null, 0], isUnread: false });
  });

  test('says where nothing could be read', async () => {
    const unread = await judged(() => 'hm', comparing);
    expect([unread.result, unread.degraded]).toEqual([{ points: [null, null, null], isUnread: true }, 'judges_failed']);
    const lost = await judged(() => failed, comparing);
    expect([lost.result.isUnread, lost.degraded]).toEqual([true, 'judges_failed']);
  });

  test('asks nobody about an even pair: half of the points for each of the two', async () => {
    const run = await judged(['Choice: 1', 'Choice: 2', 'Choice: 2', 'Choice: 1'], (asking) =>
      comparePairs(asking, {
        candidates: CANDIDATES,
        prompt: promptOf,
        isEven: (a, b) => a + b === 'AB' || a + b === 'BA',
      }),
    );
    expect(run.judges.map(({ request }) => shownTo(request))).toEqual(['AC', 'BC', 'CA', 'CB']);
    expect(run.result).toEqual({ points: [3, 1, 2], isUnread: false });
    const all = await judged([], (asking) =>
      comparePairs(asking, { candidates: CANDIDATES, prompt: promptOf, isEven: () => true }),
    );
    expect(all.result).toEqual({ points: [2, 2, 2], isUnread: false });
  });

  test('reads the form that the approach asked for', async () => {
    const run = await judged(['<0>', '<1>'], (asking) =>
      comparePairs(asking, {
        candidates: ['A', 'B'],
        prompt: promptOf,
        read: (verdict) => (verdict === '<0>' ? 0 : 1),
      }),
    );
    expect(run.result.points).toEqual([2, 0]);
  });
});

describe('one judge of all', () => {
  const listing = { candidates: CANDIDATES, prompt: promptOf('ABC') };

  test('ranks them, by one call', async () => {
    const run = await judged(['Ranking: 3 > 1 > 2'], (asking) => rankList(asking, listing));
    expect([run.result, run.judges.length]).toEqual([[2, 0, 1], 1]);
  });

  test.each(['Ranking: 3 > 1', 'hm'])('ranks none by %o', async (said) => {
    const run = await judged([said], (asking) => rankList(asking, listing));
    expect([run.result, run.degraded]).toEqual([null, 'judges_failed']);
  });

  test('chooses one, the others stay in their order', async () => {
    const run = await judged(['Choice: 2'], (asking) => chooseOne(asking, listing));
    expect([run.result, run.judges.length]).toEqual([{ index: 1, order: ['B', 'A', 'C'] }, 1]);
  });

  test.each(['Choice: 4', failed])('%o chooses none', async (said) => {
    const run = await judged([said], (asking) => chooseOne(asking, listing));
    expect([run.result, run.degraded]).toEqual([{ index: null, order: CANDIDATES }, 'judges_failed']);
  });

  test('is not asked about a single candidate', async () => {
    const run = await judged([], (asking) => chooseOne(asking, { ...listing, candidates: ['A'] }));
    expect(run.result).toEqual({ index: null, order: ['A'] });
  });
});
