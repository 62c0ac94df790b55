/** cepo: its steps, and what each is given. */
import { describe, expect, test } from 'vitest';
import type { ChatRequest } from '../../../core/index.ts';
import { contentText } from '../../../core/approach/index.ts';
import { USAGE } from '../../support/scripted-handler.ts';
import { ask, type Run, promptOf, of, cost, cepoOptions, script, rated } from './cepo-run.ts';

describe('a candidate', () => {
  test('is planned, carried out, reviewed and answered: 27 calls in 5 rounds with ratings', async () => {
    const run = await ask({ script: script([42, 42, 42], { judge: rated(0, 1, 1) }) });
    expect([run.text, ...cost(run)]).toEqual(['Candidate 2.\nFinal answer: 42', 27, 5]);
    expect(run.completion.usage?.total_tokens).toBe(27 * (USAGE.total_tokens ?? 0));
    expect(run.exchange.headers.get('x-optigate-degraded')).toBeUndefined();
    const counts = ['plan', 'execution', 'review', 'candidate', 'judge'].map((role) => of(run, role).length);
    expect(counts).toEqual([9, 9, 3, 3, 3]);
  });

  test('goes on from step to step with what there is', async () => {
    const run = await ask({ script: script([1, 2, 3], { judge: rated(1, 0, 0) }) });
    const [execution] = of(run, 'execution');
    // Nothing of the call that made the plan is left, which asked for no answer.
    expect(execution?.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user']);
    expect(contentText(execution?.messages[1]?.content)).toBe('plan 0');
    const reviews = of(run, 'review').map(promptOf);
    for (const part of ['plan 3', 'executed plan 3', 'executed plan 4', 'executed plan 5', 'six times seven'])
      expect(reviews[1]).toContain(part);
    expect(promptOf(of(run, 'candidate')[1]!)).toContain('review of executed plan 3, executed plan 4, executed plan 5');
    for (const { messages } of [...of(run, 'plan'), ...of(run, 'review'), ...of(run, 'candidate')])
      expect(messages.at(-1)).toEqual({ role: 'user', content: 'What is six times seven?' });
  });

  test('has settings of its own for each step', async () => {
    const temperatures = { step1: 0.1, step2: 0.2, step3: 0.3, step4: 0.4 };
    const settings = Object.entries(temperatures).flatMap(([step, value]) => [
      [`planning_temperature_${step}`, value],
      [`planning_max_tokens_${step}`, 1000 * value],
    ]);
    const request = {
      cepo_config: { ...Object.fromEntries(settings), bestofn_temperature: 0.5, bestofn_max_tokens: 500 },
    };
    const run = await ask({ script: script([1, 1, 1], { judge: rated(1, 1, 1) }), request });
    const sent = (role: string) => new Set(of(run, role).map((one) => `${one.temperature} ${one.max_tokens}`));
    expect(['plan', 'execution', 'review', 'candidate', 'judge'].map(sent)).toEqual(
      ['0.1 100', '0.2 200', '0.3 300', '0.4 400', '0.5 500'].map((value) => new Set([value])),
    );
    for (const { request: one } of run.calls) {
      expect(one).not.toHaveProperty('reasoning_effort');
      expect(one).not.toHaveProperty('cepo_config');
    }
  });

  test('answers with the client’s parameters, steps before that have none of them', async () => {
    const request = {
      temperature: 0.7,
      top_p: 0.9,
      stop: ['END'],
      response_format: { type: 'json_object' },
      tools: [{ type: 'function', function: { name: 'add' } }],
      max_completion_tokens: 300,
      vendor: 1,
    };
    const run = await ask({ script: script([1, 1, 1], { judge: rated(1, 1, 1) }), request });
    for (const candidate of of(run, 'candidate')) expect(candidate).toMatchObject(request);
    for (const plan of [...of(run, 'plan'), ...of(run, 'execution'), ...of(run, 'review')]) {
      for (const field of ['top_p', 'stop', 'response_format']) expect(plan).not.toHaveProperty(field);
      expect(plan).toMatchObject({ tools: request.tools, tool_choice: 'none', vendor: 1, max_completion_tokens: 4096 });
    }
    for (const judge of of(run, 'judge')) expect(judge).not.toHaveProperty('tools');
  });

  test('of one has a seed of its own for each plan', async () => {
    const run = await ask({ script: script([1, 1, 1], { judge: rated(1, 1, 1) }), request: { seed: 5 } });
    expect(of(run, 'plan').map(({ seed }) => seed)).toEqual([5, 6, 7, 11, 12, 13, 17, 18, 19]);
  });
});

describe('diversity', () => {
  const APPROACHES = '{"approach_1": "by \\\\frac rules", "approach_2": "by counting", "approach_3": "by a table"}';
  const diverse = (text: string) =>
    ask({
      script: script([1, 1, 1], { approaches: [text], judge: rated(1, 1, 1) }),
      request: { use_plan_diversity: true },
    });
  const followed = (run: Run) => of(run, 'plan').map((plan) => /<approach>\n(.*)\n/.exec(promptOf(plan))?.[1]);

  test('gives each candidate an approach of its own: 28 calls in 6 rounds', async () => {
    const run = await diverse(APPROACHES);
    expect(cost(run)).toEqual([28, 6]);
    const [a, b, c] = [String.raw`by \frac rules`, 'by counting', 'by a table'];
    expect(followed(run)).toEqual([a, a, a, b, b, b, c, c, c]);
  });

  test('is read from a fence, with LaTeX as models write it', async () => {
    const text = 'Here:\n```json\n{"approach_1": "by \\frac{a}{b}", "approach_2": "by \\alpha and \\"it\\"",}\n```';
    const run = await diverse(text);
    expect(cost(run)).toEqual([28, 6]);
    expect(new Set(followed(run))).toEqual(new Set([String.raw`by \frac{a}{b}`, String.raw`by \alpha and "it"`]));
    expect(followed(run).slice(6)).toEqual(followed(run).slice(0, 3));
  });

  test.each(['no idea', '[1, 2]', '{"approach_1": 3}', ''])(
    'leaves plans free where none is named (%o)',
    async (text) => {
      const run = await diverse(text);
      expect([run.reply.status, ...cost(run)]).toEqual([200, 28, 6]);
      expect(followed(run)).toEqual(Array(9).fill(undefined));
    },
  );
});

describe('steps that are left out', () => {
  test('planning: an execution alone is the proposal', async () => {
    const execution = (_: unknown, index: number) => `executed plan ${index}`;
    const run = await ask({
      script: script([1, 1, 1], { execution, judge: rated(1, 1, 1) }),
      request: { planning_max_tokens_step1: 0 },
    });
    expect([of(run, 'plan').length, ...cost(run)]).toEqual([0, 9 + 3 + 3 + 3, 4]);
    expect(of(run, 'execution')[0]?.messages[0]?.role).toBe('system');
  });

  test('executions, the review, the answer', async () => {
    const parts = { judge: rated(1, 1, 1), review: (_: unknown, index: number) => `Candidate ${index + 1}` };
    const run = await ask({
      script: script([], parts),
      request: { planning_max_tokens_step2: 0, planning_max_tokens_step4: 0 },
    });
    expect([run.text, ...cost(run)]).toEqual(['Candidate 1', 9 + 3 + 3, 3]);
    const unreviewed = await ask({ script: script([1, 1, 1], parts), request: { planning_max_tokens_step3: 0 } });
    expect(cost(unreviewed)).toEqual([24, 4]);
  });

  test('planning and execution: the direct reply', async () => {
    const request = { planning_max_tokens_step1: 0, planning_max_tokens_step2: 0, bestofn_n: 1 };
    const direct = script([], { draft: ['direct'], answer: ['done'] });
    const run = await ask({ script: direct, request });
    expect([run.text, ...cost(run)]).toEqual(['done', 3, 3]);
    const diverse = await ask({ script: direct, request: { ...request, use_plan_diversity: true } });
    expect(cost(diverse)).toEqual([3, 3]);
  });
});

describe('one candidate', () => {
  const request = cepoOptions({ bestofn_n: 1, planning_n: 1, planning_m: 1 });
  const parts = { answer: ['the answer'] };

  test('needs no rating: 4 calls in 4 rounds', async () => {
    const run = await ask({ script: script([], parts), request });
    expect([run.text, ...cost(run)]).toEqual(['the answer', 4, 4]);
  });

  test('streams its last step live', async () => {
    const run = await ask({ script: script([], parts), request: { ...request, stream: true } });
    expect([run.reply.kind, run.text, ...cost(run)]).toEqual(['stream', 'the answer', 4, 4]);
    expect(run.calls.map(({ request: sent }) => sent.stream ?? false)).toEqual([false, false, false, true]);
  });

  test('streams what there is where the last step fails', async () => {
    const failing = script([], { review: ['the solution'], answer: [{ status: 500 }] });
    const run = await ask({ script: failing, request: { ...request, stream: true } });
    expect(run.text).toBe('the solution');
  });
});

describe('reasoning_effort', () => {
  const cutAbove = (effort: string) => (sent: ChatRequest, index: number) =>
    sent['reasoning_effort'] === effort ? `plan ${index}` : { text: 'plan', finish: 'length' };

  test('is lowered where a reply is cut, if that is wanted and the client set one', async () => {
    const run = await ask({
      script: script([], { plan: cutAbove('low'), answer: ['done'] }),
      request: { reasoning_effort: 'high', use_reasoning_fallback: true, bestofn_n: 1, planning_n: 1 },
    });
    expect(of(run, 'plan').map((plan) => plan['reasoning_effort'])).toEqual(['high', 'medium', 'low']);
    expect([run.text, ...cost(run)]).toEqual(['done', 6, 6]);
  });

  test('is never sent otherwise', async () => {
    const plan = (_: unknown, index: number) => (index < 2 ? { text: 'plan', finish: 'length' } : 'plan');
    const run = await ask({
      script: script([], { plan, answer: ['done'] }),
      request: { use_reasoning_fallback: true, bestofn_n: 1 },
      refuses: ['reasoning_effort'],
    });
    expect([run.reply.status, run.rounds]).toEqual([200, 5]);
    for (const { request } of run.calls) expect(request).not.toHaveProperty('reasoning_effort');
  });
});

describe('tools', () => {
  const toolCalls = [{ id: 'c', type: 'function', function: { name: 'add', arguments: '{"a":1}' } }];
  const tools = [{ type: 'function', function: { name: 'add' } }];

  test('are called by the answer', async () => {
    const candidate = () => ({ toolCalls });
    const run = await ask({ script: script([], { candidate, judge: () => 'Rating: [[1]]' }), request: { tools } });
    expect(cost(run)).toEqual([27, 5]);
    expect(run.completion.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: { tool_calls: toolCalls },
    });
  });

  test('that have answered are gone on from', async () => {
    const messages = [
      { role: 'user', content: 'Add.' },
      { role: 'assistant', content: null, tool_calls: toolCalls },
      { role: 'tool', tool_call_id: 'c', content: '3' },
    ];
    const run = await ask({ script: script([3, 3, 3], { judge: rated(1, 1, 1) }), request: { messages, tools } });
    expect(run.text).toContain('Final answer: 3');
    for (const { messages: sent } of [...of(run, 'plan'), ...of(run, 'candidate')])
      expect(sent.slice(1)).toEqual(messages);
  });
});

describe('several choices', () => {
  const any = script([], {
    candidate: (_, index) => `Candidate ${(index % 3) + 1}: ${index}`,
    judge: rated(0, 1, 0.5),
  });

  test('n: top returns the best of one pool', async () => {
    const run = await ask({ script: any, request: { n: 3, optigate: { n: 'top' } } });
    const texts = run.completion.choices.map(({ message }) => contentText(message.content).slice(0, 11));
    expect([...texts, run.calls.length]).toEqual(['Candidate 2', 'Candidate 3', 'Candidate 1', 27]);
  });
});

test('tells in the trace what the choice rests on', async () => {
  const run = await ask({
    script: script([42, 17, 42], { judge: rated(0, 1, 0) }),
    request: { optigate: { trace: true } },
  });
  const node = run.exchange.trace.toNode()?.steps.find((step) => step['approach'] === 'cepo');
  expect(node).toMatchObject({
    proposals: [3, 3, 3],
    ratings: [0, 1, 0],
    agreeing: [2, 1, 2],
    winner: 1,
    why: 'it is rated highest',
  });
});

test.each([
  [{ bestofn_n: 11 }, 'bestofn_n'],
  [{ planning_n: 7 }, 'planning_n'],
  [{ planning_m: 2 }, 'planning_n'],
  [{ bestofn_rating_type: 'best' }, 'bestofn_rating_type'],
  [{ planning_temperature_step2: 3 }, 'planning_temperature_step2'],
])('refuses %o', async (wrong, name) => {
  const asked = ask({ script: {}, request: cepoOptions(wrong) });
  await expect(asked).rejects.toMatchObject({ status: 400, param: `optigate.cepo.${name}` });
});
