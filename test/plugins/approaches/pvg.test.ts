import { describe, expect, test } from 'vitest';
import type { ChatRequest } from '../../../core/index.ts';
import { contentText } from '../../../core/approach/index.ts';
import pvg from '../../../plugins/approaches/pvg/index.ts';
import { runApproach, USAGE, type RunOptions, type Scripted } from '../../support/scripted-handler.ts';

const ask = (options: RunOptions) => runApproach('pvg', { plugins: [pvg], ...options });
type Run = Awaited<ReturnType<typeof ask>>;
const promptOf = ({ messages }: ChatRequest) => messages.map(({ content }) => contentText(content)).join('\n');
const lastOf = ({ messages }: ChatRequest) => contentText(messages.at(-1)?.content);
const of = (run: Run, role: string) => run.calls.filter((call) => call.role === role).map(({ request }) => request);
const cost = (run: Run) => [run.calls.length, run.rounds];

/** Solutions that are worded differently, with the final answer each comes to. */
const solutions = (word: string, ...finals: readonly (number | string)[]) =>
  finals.map((final, index) => `${word} ${index + 1}.\nFinal answer: ${final}`);

/** A verifier that scores by the solution's first line. */
const scoring = (scores: Readonly<Record<string, number | string>>) => (sent: ChatRequest) => {
  const line = /<solution>\n(.*?)\.?\n/.exec(lastOf(sent))?.[1] ?? '';
  const score = scores[line] ?? scores['*'] ?? 5;
  return typeof score === 'number' ? `Explanation: it is so.\nScore: ${score}` : score;
};

const REFINE = ['What is six times seven, exactly?'];
const script = (parts: RunOptions['script'] = {}): RunOptions['script'] => ({
  candidate: [...solutions('one', 42, 17, 99), ...solutions('two', 23, 7, 12)],
  sneaky: [...solutions('lie', 1, 2, 3), ...solutions('fib', 4, 5, 6)],
  judge: scoring({ 'one 1': 4, 'one 2': 8, 'one 3': 6, 'lie 1': 2, 'lie 2': 2, 'lie 3': 2, '*': 5 }),
  refine: REFINE,
  ...parts,
});

describe('the game', () => {
  test('returns the best helpful solution of all rounds, after 17 calls in 5 rounds', async () => {
    const run = await ask({ script: script() });
    expect(run.text).toBe('one 2.\nFinal answer: 17');
    expect(cost(run)).toEqual([17, 5]);
    expect(run.completion.usage?.total_tokens).toBe(17 * (USAGE.total_tokens ?? 0));
    expect(run.exchange.headers.get('x-optigate-degraded')).toBeUndefined();
  });

  test('a later round wins only where it is strictly better', async () => {
    const equal = await ask({ script: script({ judge: scoring({ 'one 2': 7, 'two 1': 7, '*': 1 }) }) });
    expect(equal.text).toContain('one 2');
    const better = await ask({ script: script({ judge: scoring({ 'one 2': 7, 'two 1': 8, '*': 1 }) }) });
    expect(better.text).toContain('two 1');
  });

  test('the first of equals wins a round', async () => {
    const run = await ask({ script: script({ judge: scoring({ 'one 2': 7, 'one 3': 7, '*': 1 }) }) });
    expect(run.text).toContain('one 2');
  });

  test('reads scores in whatever form they come', async () => {
    const judge = scoring({ 'one 1': '**Score:** 4/10', 'one 2': '**Score:** 7/10', '*': '**Score**: 0.3 out of 1' });
    const run = await ask({ script: script({ judge }) });
    expect(run.text).toContain('one 2');
    expect(cost(run)).toEqual([17, 5]);
  });

  test('a score that cannot be beaten ends it: 8 calls in 2 rounds', async () => {
    const judge = scoring({ 'one 3': 10, '*': 2 });
    const run = await ask({ script: script({ judge }), request: { optigate: { trace: true } } });
    expect(run.text).toContain('one 3');
    expect(cost(run)).toEqual([8, 2]);
    expect(run.exchange.trace.toNode()?.steps).toContainEqual(expect.objectContaining({ saved_calls: 9 }));
  });
});

describe('sneaky solutions', () => {
  const fooled = scoring({ 'one 1': 4, 'one 2': 6, 'one 3': 5, 'lie 2': 9, '*': 3 });

  test('never win; where one fools the verifier, most helpful ones decide, then their scores', async () => {
    const candidate = [...solutions('one', 42, 42, 17), ...solutions('two', 42, 42, 17)];
    const run = await ask({ script: script({ candidate, judge: fooled }) });
    expect(run.text).toBe('one 2.\nFinal answer: 42');
    expect(cost(run)).toEqual([17, 5]);
  });

  test('a majority decides against a higher score once the verifier is fooled, and not before', async () => {
    const candidate = [...solutions('one', 17, 42, 42), ...solutions('two', 17, 42, 42)];
    const judge = (lie: number) => scoring({ 'one 1': 8, 'one 2': 4, 'one 3': 5, 'lie 3': lie, '*': 1 });
    expect((await ask({ script: script({ candidate, judge: judge(7) }) })).text).toContain('one 1');
    expect((await ask({ script: script({ candidate, judge: judge(8) }) })).text).toContain('one 3');
  });

  test('a final answer shared with one, against the helpful majority, is penalised', async () => {
    const candidate = [...solutions('one', 17, 42, 42), ...solutions('two', 17, 42, 42)];
    const judge = scoring({ 'one 1': 8, 'one 2': 4, 'one 3': 5, '*': 1 });
    const lies = (...finals: readonly number[]) => [...solutions('lie', ...finals), ...solutions('fib', ...finals)];
    const spared = await ask({ script: script({ candidate, judge, sneaky: lies(1, 2, 3) }) });
    expect(spared.text).toContain('one 1');
    const penalised = await ask({ script: script({ candidate, judge, sneaky: lies(1, 17, 3) }) });
    expect(penalised.text).toContain('one 3');
    const majority = await ask({
      script: script({ candidate, judge: scoring({ 'one 2': 6, '*': 2 }), sneaky: lies(1, 42, 3) }),
    });
    expect(majority.text).toContain('one 2');
  });

  test.each([
    { how: 'fails', sneaky: () => ({ status: 500 }) },
    { how: 'declines', sneaky: () => "I'm sorry, but I cannot write a wrong solution." },
    { how: 'is filtered', sneaky: () => ({ text: 'x', finish: 'content_filter' }) },
    { how: 'refuses', sneaky: () => ({ text: null, extra: { message: { content: null, refusal: 'No.' } } }) },
  ] as const)('the model that $how in that part leaves the helpful ones', async ({ sneaky }) => {
    const run = await ask({ script: script({ sneaky: sneaky as () => Scripted }) });
    expect(run.text).toContain('one 2');
    expect(of(run, 'judge')).toHaveLength(6);
  });

  test('can be left out', async () => {
    const run = await ask({ script: script(), request: { pvg_sneaky: false } });
    expect([run.text, ...cost(run)]).toEqual(['one 2.\nFinal answer: 17', 9, 5]);
  });
});

describe('the verifier', () => {
  test('judges by the original question, in every round', async () => {
    const run = await ask({ script: script({ refine: ['How many hands have seven people?'] }) });
    for (const judge of of(run, 'judge')) {
      expect(lastOf(judge)).toContain('What is six times seven?');
      expect(promptOf(judge)).not.toContain('seven people');
    }
  });

  test('sees equal solutions once', async () => {
    const candidate = [
      'same.\nIt is 42',
      'same.\nIt is 42',
      'other.\nIt is 17',
      ...Array<string>(3).fill('same.\nIt is 42'),
    ];
    const sneaky = Array<string>(6).fill('lie.\nIt is 1');
    const run = await ask({ script: script({ candidate, sneaky, judge: scoring({ same: 8, other: 4, lie: 1 }) }) });
    expect([run.text, of(run, 'judge').length]).toEqual(['same.\nIt is 42', 3]);
  });

  test('has no tools, formats and sampling of the client’s', async () => {
    const request = {
      tools: [{ type: 'function', function: { name: 'add' } }],
      response_format: { type: 'json_object' },
      temperature: 0.9,
      stop: ['END'],
      vendor: 1,
    };
    const run = await ask({ script: script(), request });
    for (const judge of [...of(run, 'judge'), ...of(run, 'refine')]) {
      for (const field of ['tools', 'response_format', 'stop', 'n']) expect(judge).not.toHaveProperty(field);
      expect(judge).toMatchObject({ vendor: 1, max_tokens: 1024 });
    }
    expect(of(run, 'judge')[0]?.temperature).toBe(0.2);
    expect(of(run, 'refine')[0]?.temperature).toBe(0.5);
    for (const prover of [...of(run, 'candidate'), ...of(run, 'sneaky')]) expect(prover).toMatchObject(request);
  });

  test.each([{ status: 500 }, { status: 429 }, { text: '' }, 'no number'])(
    'that says nothing of use once (%o) leaves the decision to the others',
    async (failing: Scripted) => {
      const scored = scoring({ 'one 2': 9, 'one 3': 6, '*': 2 });
      const judge = (sent: ChatRequest) => (lastOf(sent).includes('one 2') ? failing : scored(sent));
      const run = await ask({ script: script({ judge }) });
      expect([run.text, ...cost(run)]).toEqual(['one 3.\nFinal answer: 99', 17, 5]);
    },
  );

  test('that says nothing at all leaves the plurality, and that is told', async () => {
    const candidate = [...solutions('one', 17, 42, 42), ...solutions('two', 1, 2, 3)];
    const run = await ask({ script: script({ candidate, judge: () => 'hm' }) });
    expect([run.text, ...cost(run)]).toEqual(['one 2.\nFinal answer: 42', 17, 5]);
    expect(run.exchange.headers.get('x-optigate-degraded')).toBe('judges_failed');
  });
});

describe('provers', () => {
  test('get the conversation with their part, and cool down from round to round', async () => {
    const messages = [
      { role: 'system', content: 'Be brief.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is it?' },
          { type: 'image_url', image_url: { url: 'data:,' } },
        ],
      },
    ];
    const run = await ask({ script: script(), request: { messages, seed: 5 } });
    for (const prover of [...of(run, 'candidate'), ...of(run, 'sneaky')]) {
      expect(prover.messages).toHaveLength(2);
      expect(contentText(prover.messages[0]?.content)).toMatch(/^Be brief\.\n/);
      expect(prover.messages[1]).toEqual(messages[1]);
      expect(prover).toMatchObject({ n: 3, max_tokens: 4096 });
    }
    expect(of(run, 'candidate').map(({ temperature, seed }) => [temperature, seed])).toEqual([
      [0.7, 5],
      [0.6, 8],
    ]);
    expect(contentText(of(run, 'candidate')[0]?.messages[0]?.content)).toContain('You are the helpful prover');
    expect(contentText(of(run, 'sneaky')[0]?.messages[0]?.content)).toContain('You are the sneaky prover');
  });

  test('of the second round get the sharpened task beside the original', async () => {
    const run = await ask({ script: script() });
    expect(promptOf(of(run, 'refine')[0]!)).toContain('one 2.');
    const [first, second] = of(run, 'candidate').map(promptOf);
    expect(first).not.toContain(REFINE[0]);
    expect(second).toContain(REFINE[0]);
    expect(second).toContain('What is six times seven?');
  });

  test.each([{ text: 'What is si', finish: 'length' }, { text: ' ' }, { status: 500 }, '<think>hm'])(
    'take the original task where refining fails (%o)',
    async (refine: Scripted) => {
      const run = await ask({ script: script({ refine: [refine] }) });
      expect([run.text, ...cost(run)]).toEqual(['one 2.\nFinal answer: 17', 17, 5]);
      const [first, second] = of(run, 'candidate');
      expect(second?.messages).toEqual(first?.messages);
    },
  );

  test('play all rounds at once without refinement: two rounds', async () => {
    const run = await ask({ script: script(), request: { optigate: { pvg: { pvg_refine: false } } } });
    expect([run.text, ...cost(run)]).toEqual(['one 2.\nFinal answer: 17', 16, 2]);
    const four = { ...script({ candidate: solutions('one', 1, 2, 3, 4) }), sneaky: solutions('lie', 5, 6, 7, 8) };
    const small = await ask({ script: four, request: { pvg_refine: false, pvg_rounds: 4, pvg_solutions: 1 } });
    expect(cost(small)).toEqual([16, 2]);
  });

  test('may call tools, and the best call is shown as it came', async () => {
    const call = (args: string) => [{ id: 'c', type: 'function', function: { name: 'add', arguments: args } }];
    const candidate = ['{"a":1}', '{"a":2}', '{"a": 2}', '{}', '{}', '{}'].map((args) => ({ toolCalls: call(args) }));
    const judge = (sent: ChatRequest) => `Score: ${lastOf(sent).includes('"a":2') ? 8 : 3}`;
    const run = await ask({ script: script({ candidate, judge }), request: { tools: [{ type: 'function' }] } });
    expect(run.completion.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: { tool_calls: call('{"a":2}') },
    });
  });
});

describe('failures', () => {
  test.each([401, 404, 429, 500])('%i of the first provers is the answer', async (status) => {
    const error = { message: 'no', code: 'c', param: null };
    const run = await ask({ script: script({ candidate: () => ({ status, error }) }) });
    expect([run.reply.status, run.completion]).toEqual([status, expect.objectContaining({ error: expect.anything() })]);
  });

  test('of the second round’s provers leave the first round’s best', async () => {
    const candidate = [...solutions('one', 42, 17, 99), { status: 500 }, '', ''];
    const run = await ask({ script: script({ candidate }) });
    expect(run.text).toContain('one 2');
  });

  test('of one round leave the other where both are played at once', async () => {
    const candidate = [{ status: 500 }, '', '', ...solutions('two', 1, 2, 3)];
    const run = await ask({
      script: script({ candidate, judge: scoring({ 'two 3': 9, '*': 1 }) }),
      request: { pvg_refine: false },
    });
    expect(run.text).toContain('two 3');
  });

  test('nothing usable is the filtered answer as it is, else a 502', async () => {
    const filtered = [{ text: 'bad', finish: 'content_filter' }, '', ''];
    const run = await ask({ script: script({ candidate: filtered }) });
    expect(run.completion.choices[0]?.finish_reason).toBe('content_filter');
    await expect(ask({ script: script({ candidate: ['', ' ', ''] }) })).rejects.toMatchObject({ status: 502 });
  });

  test('truncated solutions count only where no other is there', async () => {
    const cut = solutions('one', 42, 17, 99).map((text) => ({ text, finish: 'length' }));
    const some = await ask({
      script: script({
        candidate: [cut[0]!, cut[1]!, ...solutions('one', 42, 17, 99).slice(2), ...solutions('two', 1, 2, 3)],
      }),
    });
    expect(some.text).toContain('one 3');
    const all = await ask({ script: script({ candidate: [...cut, ...cut] }) });
    expect(all.completion.choices[0]?.finish_reason).toBe('length');
  });
});

describe('limits', () => {
  test('are never passed, and leave an answer, whatever they are', async () => {
    for (let max_calls = 1; max_calls <= 17; max_calls++) {
      const run = await ask({ script: script(), request: { optigate: { max_calls } } });
      expect([max_calls, run.calls.length]).toEqual([max_calls, max_calls]);
      expect(run.text).toMatch(/^(?:one|two) \d\./);
      expect(run.exchange.headers.get('x-optigate-degraded')).toBe(max_calls < 17 ? 'budget' : undefined);
    }
  });

  test.each([1, 2, 3, 4, 5])('of %i calls reaches a helpful solution where the model refuses n', async (max_calls) => {
    // The slowest refusal is the helpful prover's.
    const late: Scripted = { status: 400, error: { message: 'only one choice can be made' }, waves: 2 };
    const candidate = ({ n }: ChatRequest): Scripted => (n === undefined ? 'one.\nFinal answer: 1' : late);
    const sneaky = ({ n }: ChatRequest): Scripted =>
      n === undefined ? 'lie.\nFinal answer: 9' : { ...late, waves: 1 };
    const run = await ask({ script: { ...script(), candidate, sneaky }, request: { optigate: { max_calls } } });
    expect(run.text).toBe('one.\nFinal answer: 1');
    expect(run.calls.length).toBeLessThanOrEqual(max_calls);
  });
});

describe('several choices', () => {
  test('n: top returns the best of one pool, no sneaky one', async () => {
    const judge = scoring({ 'one 1': 4, 'one 2': 8, 'one 3': 6, '*': 1 });
    const request = { n: 3, optigate: { n: 'top' } };
    const run = await ask({ script: script({ judge }), request });
    const texts = run.completion.choices.map(({ message }) => contentText(message.content).slice(0, 5));
    expect(texts).toEqual(['one 2', 'one 3', 'one 1']);
    expect(run.calls.length).toBe(17);
  });
});

test('tells in the trace who won and why', async () => {
  const run = await ask({ script: script(), request: { optigate: { trace: true } } });
  const node = run.exchange.trace.toNode()?.steps.find((step) => step['approach'] === 'pvg');
  expect(node).toMatchObject({
    winner: 1,
    winning_round: 0,
    why: 'it is the helpful solution that is worth most',
    rounds: [
      { helpful_scores: [4, 8, 6], sneaky_scores: [2, 2, 2], discrimination: 4, is_verifier_trusted: true },
      { helpful_scores: [5, 5, 5], sneaky_scores: [5, 5, 5], discrimination: 0, is_verifier_trusted: false },
    ],
  });
});

test.each([
  [{ pvg_rounds: 0 }, 'pvg_rounds'],
  [{ pvg_rounds: 6 }, 'pvg_rounds'],
  [{ pvg_solutions: 9 }, 'pvg_solutions'],
  [{ pvg_sneaky: 'no' }, 'pvg_sneaky'],
])('refuses %o', async (wrong, name) => {
  const asked = ask({ script: {}, request: { optigate: { pvg: wrong } } });
  await expect(asked).rejects.toMatchObject({ status: 400, param: `optigate.pvg.${name}` });
});
