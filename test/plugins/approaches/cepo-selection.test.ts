import { describe, expect, test } from 'vitest';
import type { ChatRequest } from '../../../core/index.ts';
import { contentText } from '../../../core/approach/index.ts';
import { approachesIn } from '../../../plugins/approaches/cepo/approaches.ts';
import cepo from '../../../plugins/approaches/cepo/index.ts';
import { runApproach, type RunOptions, type Scripted } from '../../support/scripted-handler.ts';

const lastOf = ({ messages }: ChatRequest) => contentText(messages.at(-1)?.content);
const shownIn = (sent: ChatRequest) =>
  [...lastOf(sent).matchAll(/Candidate (\d)/g)].map(([, number]) => Number(number));

interface Choice {
  readonly type?: 'absolute' | 'pairwise' | 'majority';
  readonly candidates: readonly Scripted[];
  readonly judge?: (sent: ChatRequest) => Scripted;
  readonly request?: object;
}

/** Lets it choose among these, and says which number won, with how many judge calls of how many, in how many rounds. */
async function choose({ type = 'absolute', candidates, judge = () => 'hm', request = {} }: Choice) {
  const script: RunOptions['script'] = { candidate: candidates, judge, '*': () => 'a step' };
  const options = { bestofn_n: candidates.length, bestofn_rating_type: type };
  const run = await runApproach('cepo', { plugins: [cepo], script, request: { ...options, ...request } });
  const judges = run.calls.filter(({ role }) => role === 'judge');
  return { winner: Number(run.text?.match(/Candidate (\d)/)?.[1]), judges, rounds: run.rounds, run };
}

const coming = (...finals: readonly (number | string)[]) =>
  finals.map((final, index) => `Candidate ${index + 1}.\nFinal answer: ${final}`);
const free = (count: number) => Array.from({ length: count }, (_, index) => `Candidate ${index + 1}, a free text`);
const rated =
  (...ratings: readonly (number | string)[]) =>
  (sent: ChatRequest) => {
    const [number = 0, other] = shownIn(sent);
    if (other !== undefined) return 'Better Response: [[1]]';
    const rating = ratings[number - 1] ?? '';
    return typeof rating === 'number' ? `Rating: [[${rating}]]` : rating;
  };
/** A judge of pairs with this order of preference. */
const prefers =
  (...order: readonly number[]) =>
  (sent: ChatRequest) => {
    const [first = 0, second = 0] = shownIn(sent).map((number) => order.indexOf(number));
    return `Better Response: [[${first < second ? 0 : 1}]]`;
  };

describe('absolute', () => {
  test('takes the highest rating', async () => {
    const { winner, judges, rounds } = await choose({ candidates: coming(42, 17, 99), judge: rated(0, 1, 0) });
    expect([winner, judges.length, rounds]).toEqual([2, 3, 5]);
  });

  test('takes fractions and other forms', async () => {
    const judge = rated('**Rating:** 0.4', 'Rating: [[0.5]]', '{"rating": 0.6}');
    expect((await choose({ candidates: free(3), judge })).winner).toBe(3);
  });

  test('takes the first of equals that state no answers, at no further call', async () => {
    const { winner, judges, rounds } = await choose({ candidates: free(3), judge: rated(0, 1, 1) });
    expect([winner, judges.length, rounds]).toEqual([2, 3, 5]);
  });

  test('takes the answer of most among equals', async () => {
    const { winner, judges } = await choose({ candidates: coming(17, 42, 42), judge: rated(1, 1, 0) });
    expect([winner, judges.length]).toEqual([2, 3]);
    expect((await choose({ candidates: coming(42, 17, 42), judge: rated(1, 0, 1) })).winner).toBe(1);
  });

  test('compares equals that contradict each other', async () => {
    const judge = (sent: ChatRequest) => (shownIn(sent).length === 2 ? prefers(3, 1)(sent) : rated(1, 0, 1)(sent));
    const { winner, judges, rounds } = await choose({ candidates: coming(17, 42, 99), judge });
    expect([winner, judges.length, rounds]).toEqual([3, 3 + 2, 6]);
    const undecided = await choose({ candidates: coming(17, 42, 99), judge: rated(1, 0, 1) });
    expect(undecided.winner).toBe(1);
  });

  test('lets one judge rank more than two of them', async () => {
    const judge = (sent: ChatRequest) => (shownIn(sent).length > 1 ? 'Ranking: 3 > 1 > 2' : rated(1, 1, 1)(sent));
    const { winner, judges, rounds } = await choose({ candidates: coming(17, 42, 99), judge });
    expect([winner, judges.length, rounds]).toEqual([3, 3 + 1, 6]);
    const unread = await choose({ candidates: coming(17, 42, 99), judge: rated(1, 1, 1) });
    expect([unread.winner, unread.judges.length]).toEqual([1, 4]);
  });

  test('shows the judges one of those that come to the same', async () => {
    const judge = (sent: ChatRequest) => (shownIn(sent).length === 2 ? prefers(2, 1)(sent) : 'Rating: [[1]]');
    const { winner, judges } = await choose({ candidates: coming(17, 42, 17, 42), judge });
    expect([winner, judges.length]).toEqual([2, 4 + 2]);
  });

  test('leaves the answer of most, else the first, where nothing can be read or is out of range', async () => {
    const { winner, run } = await choose({ candidates: coming(17, 42, 42), judge: rated('good', 'Rating: [[7]]', '') });
    expect([winner, run.exchange.headers.get('x-optigate-degraded')]).toEqual([2, 'judges_failed']);
    expect((await choose({ candidates: free(3) })).winner).toBe(1);
    expect((await choose({ candidates: coming(17, 42, 42), judge: () => ({ status: 500 }) })).winner).toBe(2);
  });

  test('leaves out what one judge failed to say', async () => {
    const judge = (sent: ChatRequest) => (shownIn(sent)[0] === 1 ? { status: 500 } : rated(1, 0, 0.5)(sent));
    const { winner, run } = await choose({ candidates: coming(1, 2, 3), judge });
    expect([winner, run.reply.status]).toEqual([3, 200]);
  });

  test('asks another model where there is one to rate, which the caller must be allowed', async () => {
    const request = { rating_model: 'groq/llama' };
    const { judges } = await choose({ candidates: free(3), judge: rated(1, 0, 0), request });
    expect(judges.map(({ upstream, request: sent }) => `${upstream}/${sent.model}`)).toEqual(
      Array(3).fill('groq/llama'),
    );
    const refused = runApproach('cepo', { plugins: [cepo], script: {}, request, identity: { models: ['test-*'] } });
    await expect(refused).rejects.toMatchObject({ status: 403, code: 'model_not_allowed' });
  });
});

describe('pairwise', () => {
  test('compares each pair in both orders', async () => {
    const { winner, judges, rounds } = await choose({
      type: 'pairwise',
      candidates: coming(1, 2, 3),
      judge: prefers(3, 1, 2),
    });
    expect([winner, judges.length, rounds]).toEqual([3, 6, 5]);
    expect(new Set(judges.map(({ request }) => shownIn(request).join()))).toEqual(
      new Set(['1,2', '1,3', '2,1', '2,3', '3,1', '3,2']),
    );
  });

  test('does not compare what comes to the same answer', async () => {
    const { winner, judges } = await choose({
      type: 'pairwise',
      candidates: coming(17, 42, '42.0'),
      judge: prefers(3, 2, 1),
    });
    expect([winner, judges.length]).toEqual([2, 4]);
    const agreed = await choose({ type: 'pairwise', candidates: coming(42, 42, 42) });
    expect([agreed.winner, agreed.judges.length, agreed.rounds]).toEqual([1, 0, 4]);
    expect(agreed.run.exchange.headers.get('x-optigate-degraded')).toBeUndefined();
  });

  test('gives no point for what cannot be read, nor for a response that is not there', async () => {
    const judge = (sent: ChatRequest) => {
      const [first, second] = shownIn(sent);
      if (first === 1) return 'Better Response: [[2]]';
      return first === 3 && second === 2 ? '**Better Response:** 0' : 'neither';
    };
    expect((await choose({ type: 'pairwise', candidates: coming(1, 2, 3), judge })).winner).toBe(3);
    const nothing = await choose({ type: 'pairwise', candidates: coming(17, 42, 42) });
    expect(nothing.winner).toBe(2);
  });

  test('leaves an empty candidate out', async () => {
    const candidates = ['Candidate 1', { text: '', finish: 'content_filter' }, 'Candidate 3'];
    // The filtered answer gives way to its review, which is a usable text.
    const { winner, judges, rounds } = await choose({ type: 'pairwise', candidates, judge: prefers(3, 1) });
    expect([winner, rounds]).toEqual([3, 5]);
    expect(judges.length).toBe(6);
    const script: RunOptions['script'] = {
      plan: ({ seed }) => (Number(seed) >= 6 && Number(seed) < 12 ? '' : 'plan'),
      draft: [''],
      candidate: ['Candidate 1', 'Candidate 3'],
      judge: prefers(3, 1),
      '*': () => 'a step',
    };
    const request = { seed: 0, bestofn_rating_type: 'pairwise' };
    const run = await runApproach('cepo', { plugins: [cepo], script, request });
    expect([run.text, run.calls.filter(({ role }) => role === 'judge').length]).toEqual(['Candidate 3', 2]);
  });
});

describe('majority', () => {
  const vote = (candidates: readonly Scripted[], judge?: Choice['judge']) =>
    choose({ type: 'majority', candidates, ...(judge ? { judge } : {}) });

  test('is for the answer of most, without a call', async () => {
    const { winner, judges, rounds } = await vote(coming(42, 17, 42));
    expect([winner, judges.length, rounds]).toEqual([1, 0, 4]);
    expect((await vote(coming(17, 42, '42.0'))).winner).toBe(2);
    expect((await vote(coming('(B)', '**A**', 'A'))).winner).toBe(2);
  });

  test('counts numbers by their value, not by how texts begin', async () => {
    const texts = ['Candidate 1 gives 17', 'Candidate 2 gives 42', 'Candidate 3 gives 99', 'Candidate 4 gives 99.0'];
    expect((await vote(texts)).winner).toBe(3);
  });

  test('counts nobody who states no answer, and rates where nobody does', async () => {
    expect((await vote(['Candidate 1, no', 'Candidate 2, no', ...coming(0, 0, 42).slice(2)])).winner).toBe(3);
    const texts = ['Candidate 1, of a kind', 'Candidate 2, of a kind', 'Candidate 3, of a kind'];
    const { winner, judges } = await vote(texts, rated(0, 0, 1));
    expect([winner, judges.length]).toEqual([3, 3]);
  });
});

describe('approaches are read', () => {
  test.each([
    ['{"approach_1": "a", "approach_2": "b"}', ['a', 'b']],
    ['Sure:\n```json\n{"approach_1": "a",}\n```\nDone.', ['a']],
    ['<think>{"approach_1": "no"}</think>{"approach_1": "yes"}', ['yes']],
    [String.raw`{"approach_1": "use \frac and \beta"}`, [String.raw`use \frac and \beta`]],
    [String.raw`{"approach_1": "use \theta and \rho,\n or\t2"}`, [String.raw`use \theta and \rho,` + '\n or\t2']],
    [
      String.raw`{"approach_1": "use \sum, \"so\", a \\ b,\n then \times"}`,
      [String.raw`use \sum, "so", a \ b,` + '\n' + String.raw` then \times`],
    ],
    ['{"approach_1": " ", "approach_2": 7, "approach_3": "c"}', ['c']],
    ['nothing', []],
    ['{broken', []],
    ['', []],
  ])('%s', (text, approaches) => {
    expect(approachesIn(text)).toEqual(approaches);
  });
});
