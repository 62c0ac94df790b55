/** cepo: steps that fail, and budgets that end. */
import { describe, expect, test } from 'vitest';
import type { ChatRequest } from '../../../core/index.ts';
import { contentText } from '../../../core/approach/index.ts';
import type { RunOptions, Scripted } from '../../support/scripted-handler.ts';
import { ask, lastOf, promptOf, of, cost, cepoOptions, script, cut, rated } from './cepo-run.ts';

/** A judge of pairs with this order of preference. */
const prefers =
  (...order: readonly number[]) =>
  (sent: ChatRequest) => {
    const [first, second] = [...lastOf(sent).matchAll(/Candidate (\d)/g)].map(([, number]) =>
      order.indexOf(Number(number)),
    );
    return `Compared.\nBetter Response: [[${(first ?? 0) < (second ?? 0) ? 0 : 1}]]`;
  };

describe('attempts that fail', () => {
  const first = (failing: Scripted) => (_: unknown, index: number) => (index === 0 ? failing : `plan ${index}`);

  test.each([cut('plan'), { text: ' ' }, { status: 500 }, { status: 429 }, '<think>hm'])(
    'are replaced at once: a plan (%o) costs one call and one round',
    async (failing) => {
      const run = await ask({ script: script([1, 1, 1], { plan: first(failing), judge: rated(1, 1, 1) }) });
      expect([run.reply.status, ...cost(run)]).toEqual([200, 28, 6]);
    },
  );

  test.each([cut('executed'), { text: '' }, { status: 500 }])(
    'are replaced at once: an execution (%o) costs two of each',
    async (failing) => {
      const execution = ({ messages }: ChatRequest, index: number) =>
        index === 0 ? failing : `executed ${contentText(messages.at(-2)?.content)}`;
      const run = await ask({ script: script([1, 1, 1], { execution, judge: rated(1, 1, 1) }) });
      expect([run.reply.status, ...cost(run)]).toEqual([200, 29, 7]);
      expect(of(run, 'review').map(promptOf).join()).toContain('executed plan 9');
    },
  );

  /** Candidate 2's attempts are told by their seeds. */
  const ofTheSecond = ({ seed }: ChatRequest) => Number(seed) >= 6 && Number(seed) < 12;

  test('six times leave the direct reply as the only proposal', async () => {
    const plan = (sent: ChatRequest, index: number) => (ofTheSecond(sent) ? { status: 500 } : `plan ${index}`);
    const parts = { plan, draft: ['a direct reply'], judge: rated(0, 1, 0) };
    const run = await ask({ script: script([1, 2, 3], parts), request: { seed: 0 } });
    expect(run.reply.status).toBe(200);
    // Candidates 1 and 3: 8 calls each; 2: six plans, the reply, review and answer; three ratings.
    expect(run.calls.length).toBe(8 + 9 + 8 + 3);
    expect(of(run, 'draft')[0]).toMatchObject({ temperature: 0.1, top_p: 0.95, max_tokens: 4096 });
    expect(of(run, 'draft')[0]?.messages).toEqual([{ role: 'user', content: 'What is six times seven?' }]);
    expect(of(run, 'review').map(promptOf).join()).toContain('a direct reply');
  });

  test('until there are fewer than wanted leave those there are', async () => {
    const plan = (_: unknown, index: number) => (index === 1 ? 'plan 1' : { status: 500 });
    const run = await ask({ script: script([1], { plan, answer: ['done'] }), request: cepoOptions({ bestofn_n: 1 }) });
    expect([run.text, run.calls.length]).toEqual(['done', 6 + 1 + 2]);
  });

  test('are in the order they were started in', async () => {
    const plan = (_: unknown, index: number) => ({ text: `plan ${index}`, waves: 3 - index });
    const run = await ask({
      script: { ...script([]), plan, answer: ['done'] },
      request: cepoOptions({ bestofn_n: 1 }),
    });
    expect(promptOf(of(run, 'answer')[0]!)).toContain('executed plan 0, executed plan 1, executed plan 2');
  });

  test('cost no round in a race of all of them', async () => {
    const plan = (_: unknown, index: number) => (index % 6 === 0 ? cut('plan') : `plan ${index}`);
    const run = await ask({
      script: script([1, 1, 1], { plan, judge: rated(1, 1, 1) }),
      request: cepoOptions({ cepo_race: true }),
    });
    expect([run.text, run.rounds, of(run, 'plan').length]).toEqual([expect.stringContaining('Candidate 1'), 5, 18]);
    for (const review of of(run, 'review')) expect(promptOf(review).match(/<response /g)).toHaveLength(3);
  });
});

describe('later steps that fail', () => {
  const one = cepoOptions({ bestofn_n: 1 });

  test.each([{ status: 500 }, { text: '' }, { text: 'half', finish: 'length' }])(
    'a review (%o) gives way to the first proposal',
    async (review: Scripted) => {
      const run = await ask({ script: script([], { review: [review], answer: ['done'] }), request: one });
      expect([run.text, ...cost(run)]).toEqual(['done', 8, 4]);
      expect(promptOf(of(run, 'answer')[0]!)).toContain('executed plan 0');
    },
  );

  test.each([{ status: 500 }, { status: 429 }, { text: '' }, { text: 'half', finish: 'length' }])(
    'an answer (%o) gives way to the review',
    async (answer: Scripted) => {
      const run = await ask({ script: script([], { review: ['the solution'], answer: [answer] }), request: one });
      expect([run.text, ...cost(run)]).toEqual(['the solution', 8, 4]);
      expect(run.exchange.headers.get('x-optigate-degraded')).toBe('answer_failed');
    },
  );

  test('a candidate of which nothing is left is left out', async () => {
    const candidate = ['Candidate 1', { text: '', finish: 'content_filter' }, 'Candidate 3'];
    const review = ['review', { status: 500 }, 'review'];
    const run = await ask({
      script: script([], { candidate, review, judge: prefers(3, 1) }),
      request: { bestofn_rating_type: 'pairwise' },
    });
    expect(run.text).toBe('Candidate 3');
  });

  test.each([401, 404, 429, 500])('%i of all calls is the answer', async (status) => {
    const error = { message: 'no', code: 'c', param: null };
    const run = await ask({ script: { '*': () => ({ status, error }) } });
    expect([run.reply.status, run.completion]).toEqual([status, expect.objectContaining({ error: expect.anything() })]);
    const isLasting = status < 429;
    expect(run.calls.length).toBe(isLasting ? 9 : 3 * 7);
  });

  test('nothing usable is the filtered answer, else a 502', async () => {
    const filtered = await ask({ script: { '*': () => ({ text: 'x', finish: 'content_filter' }) } });
    expect(filtered.completion.choices[0]?.finish_reason).toBe('content_filter');
    await expect(ask({ script: { '*': () => '' } })).rejects.toMatchObject({ status: 502, code: 'upstream_error' });
  });
});

describe('limits', () => {
  const any: RunOptions['script'] = {
    ...script([]),
    '*': (sent, index, call) => (call.role === 'judge' ? 'Rating: [[1]]' : `${call.role} ${index}: Final answer: 42`),
  };
  delete (any as Record<string, unknown>)['candidate'];

  test.each([{}, { use_plan_diversity: true }, { cepo_race: true }, { planning_max_tokens_step1: 0 }])(
    'are never passed, and leave an answer, whatever they are (%o)',
    async (options) => {
      for (let max_calls = 1; max_calls <= 30; max_calls++) {
        const run = await ask({ script: any, request: { optigate: { max_calls, cepo: options } } });
        expect(run.calls.length).toBeLessThanOrEqual(max_calls);
        expect([max_calls, run.reply.status, run.text]).toEqual([
          max_calls,
          200,
          expect.stringMatching(/42|executed|review/),
        ]);
      }
    },
  );

  test('keep a call for the direct reply where the plan fails', async () => {
    const run = await ask({
      script: script([], { plan: [cut('plan')], draft: ['a direct reply'] }),
      request: { optigate: { max_calls: 2 } },
    });
    expect([run.text, run.calls.length]).toEqual(['a direct reply', 2]);
  });

  test.each([
    [2, {}],
    [1, { planning_max_tokens_step1: 0 }],
  ])('leave what broke off where nothing else can be had (%i, %o)', async (max_calls, options) => {
    const run = await ask({
      script: script([], { execution: [cut('half of an execution')] }),
      request: { optigate: { max_calls, cepo: options } },
    });
    expect([run.text, run.completion.choices[0]?.finish_reason]).toEqual(['half of an execution', 'length']);
  });

  test('make fewer candidates first, then fewer proposals', async () => {
    const counts = async (max_calls: number) => {
      const run = await ask({ script: any, request: { optigate: { max_calls } } });
      expect(run.exchange.headers.get('x-optigate-degraded')).toBe('budget');
      return ['plan', 'review', 'judge'].map((role) => of(run, role).length);
    };
    expect(await counts(26)).toEqual([9, 3, 2]);
    expect(await counts(23)).toEqual([6, 2, 2]);
    expect(await counts(16)).toEqual([6, 2, 0]);
    expect(await counts(8)).toEqual([3, 1, 0]);
    expect(await counts(6)).toEqual([2, 1, 0]);
    expect(await counts(2)).toEqual([1, 0, 0]);
    expect(await counts(1)).toEqual([0, 0, 0]);
  });
});
