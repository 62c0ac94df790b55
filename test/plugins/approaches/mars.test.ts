/** mars: calls and rounds, agents, what they make of each other’s solutions, limits. */
import { describe, expect, test } from 'vitest';
import { Capabilities } from '../../../core/run/capabilities.ts';
import { gatewayError } from '../../../core/index.ts';
import { USAGE, type Scripted } from '../../support/scripted-handler.ts';
import {
  type Script,
  ask,
  incorrect,
  answering,
  SCRIPT,
  counts,
  callsOf,
  promptsOf,
  optionsOf,
  PLAIN,
} from './mars-run.ts';

describe('calls and rounds', () => {
  test('at defaults 34 in 5 rounds, and the answer is a verified one', async () => {
    const run = await ask(SCRIPT);
    expect(counts(run)).toEqual([34, 5]);
    expect(run.text).toMatch(/42\.$/);
    expect(
      ['candidate', 'aggregation', 'strategy', 'classification', 'enhancement', 'verification', 'synthesis'].map(
        (role) => callsOf(run, role).length,
      ),
    ).toEqual([3, 6, 3, 1, 3, 18, 0]);
    expect(run.completion.usage?.total_tokens).toBe(34 * (USAGE.total_tokens ?? 0));
  });

  test('light, where the request allows 4000 tokens, 4 in 2 rounds', async () => {
    for (const limit of ['max_tokens', 'max_completion_tokens']) {
      const run = await ask(SCRIPT, { request: { [limit]: 4_000 } });
      expect(counts(run)).toEqual([4, 2]);
      for (const { request } of run.calls) expect(request[limit]).toBe(4_000);
    }
  });

  test('a model that shows its reasoning has room for it where it only classifies', async () => {
    const message = { role: 'assistant', content: 'It is 42.', reasoning_content: 'hm' };
    const run = await ask({ ...SCRIPT, candidate: () => ({ extra: { message } }) });
    expect(callsOf(run, 'classification')[0]?.request.max_tokens).toBe(4_096);
  });

  test('options that are set, by file or request, stay in light', async () => {
    expect(counts(await ask(SCRIPT, optionsOf({ num_agents: 3 }, { max_tokens: 4_000 })))).toEqual([6, 2]);
    expect(counts(await ask(SCRIPT, { request: { max_tokens: 4_001 } }))).toEqual([34, 5]);
    const nested = { max_tokens: 100, optigate: { mars: { verification_passes_required: 2 } } };
    expect(counts(await ask(SCRIPT, { request: nested }))).toEqual([6, 2]);
  });

  test('without aggregation and strategies 9 in 2 rounds', async () => {
    expect(counts(await ask(SCRIPT, optionsOf(PLAIN)))).toEqual([9, 2]);
    const flat = { mars_enable_aggregation: false, enable_strategy_network: false };
    expect(counts(await ask(SCRIPT, { request: flat }))).toEqual([9, 2]);
  });

  test('an exchange of strategies needs all its three parts', async () => {
    for (const part of ['enable_strategy_network', 'strategy_extraction_enabled', 'cross_agent_enhancement'])
      expect(counts(await ask(SCRIPT, optionsOf({ [part]: false })))).toEqual([3 + 6 + 12, 5]);
  });

  test('one agent has nobody to exchange strategies with', async () => {
    const run = await ask(SCRIPT, optionsOf({ num_agents: 1, aggregation_loops: 1, population_size: 3 }));
    expect(counts(run)).toEqual([1 + 1 + 2 * 2, 3]);
    expect(promptsOf(run, 'aggregation')[0]).toContain('Refine it');
  });

  test('all rejected, one iteration improves and verifies each once, in two rounds more', async () => {
    const run = await ask({ ...SCRIPT, verification: incorrect }, optionsOf({ max_iterations: 1 }));
    expect(counts(run)).toEqual([34 + 9 + 18, 7]);
    expect(run.text).toMatch(/^improved .* 42\.$/);
    for (const prompt of promptsOf(run, 'improvement'))
      expect(prompt).toContain(String.raw`<issues>\n- the second step is wrong\n</issues>`);
  });
});

describe('agents', () => {
  test('solve at temperatures and efforts of their own, the conversation before them', async () => {
    const messages = [
      { role: 'system', content: 'Speak like a pirate.' },
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:,x' } }] },
    ];
    const run = await ask(SCRIPT, optionsOf({ num_agents: 4 }, { messages, my_field: 1, temperature: 0.9 }));
    const agents = callsOf(run, 'candidate').map(({ request }) => request);
    expect(agents.map(({ temperature }) => temperature)).toEqual([0.3, 0.6, 1, 0.3]);
    expect(agents.map(({ reasoning }) => reasoning)).toEqual(
      ['low', 'medium', 'high', 'low'].map((effort) => ({ effort })),
    );
    for (const request of agents) {
      expect(request).toMatchObject({ max_tokens: 64_000, my_field: 1 });
      expect(request.messages[1]).toEqual(messages[1]);
    }
    for (const { bytes } of run.calls) expect(bytes).toContain('Speak like a pirate.');
  });

  test('a wish of the client’s for an effort stays as it is', async () => {
    for (const wish of [{ reasoning_effort: 'low' }, { reasoning: { effort: 'low' } }]) {
      const run = await ask(SCRIPT, { request: wish });
      for (const { request } of run.calls) {
        expect(request).toMatchObject(wish);
        expect(['reasoning', 'reasoning_effort'].filter((field) => field in request)).toEqual(Object.keys(wish));
      }
    }
    const off = await ask(SCRIPT, optionsOf({ use_reasoning_api: false }));
    for (const { request } of off.calls) expect(request).not.toHaveProperty('reasoning');
  });

  test('a refused effort costs one round once', async () => {
    const capabilities = new Capabilities();
    const first = await ask(SCRIPT, { refuses: ['reasoning'], capabilities });
    expect([first.text, ...counts(first)]).toEqual([expect.stringContaining('42'), 34 + 3, 6]);
    expect(counts(await ask(SCRIPT, { refuses: ['reasoning'], capabilities }))).toEqual([34, 5]);
  });

  test('that fail are left out, their errors in no prompt', async () => {
    for (const failure of [
      { status: 500, error: { message: 'oh no' } },
      '',
      { text: 'oh no', finish: 'content_filter' },
    ])
      for (const failing of [0, 1, 2]) {
        const candidate = (_: unknown, index: number): Scripted =>
          index === failing ? failure : answering('agent', 42)(_, index);
        const run = await ask({ ...SCRIPT, candidate });
        expect([run.text, ...counts(run)]).toEqual([expect.stringContaining('42'), 3 + 6 + 5 + 2 * 8, 5]);
        for (const { bytes } of run.calls) expect(bytes).not.toContain('oh no');
      }
  });

  test('that all fail are the upstream’s own error', async () => {
    const candidate = [{ status: 500 }, { status: 429, error: { message: 'slow down' } }, { status: 500 }];
    const run = await ask({ candidate });
    expect([run.reply.status, run.calls.length]).toEqual([429, 3]);
    await expect(ask({ candidate: ['', '', ''] })).rejects.toMatchObject({ status: 502 });
  });

  test('that were all cut leave the answer cut', async () => {
    const candidate = (_: unknown, index: number) => ({ text: `so far ${index}, the answer is 42`, finish: 'length' });
    const run = await ask({ ...SCRIPT, candidate }, optionsOf(PLAIN));
    expect(run.completion.choices[0]?.finish_reason).toBe('length');
  });

  const toolCalls = [{ id: 'c', type: 'function', function: { name: 'add', arguments: '{"a":1}' } }];
  test('that call a tool answer at once, where most do', async () => {
    const candidate = ['agent 1', { text: null, toolCalls }, { text: null, toolCalls }];
    const run = await ask({ candidate }, { request: { tools: [{ type: 'function' }] } });
    expect(run.completion.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: { tool_calls: toolCalls },
    });
    expect(counts(run)).toEqual([3, 1]);
  });

  test('that call a tool are left out where most have a solution', async () => {
    const candidate = ['the answer is 42', { text: null, toolCalls }, 'so the answer is 42'];
    const run = await ask({ ...SCRIPT, candidate }, optionsOf(PLAIN, { tools: [{ type: 'function' }] }));
    expect([run.text, ...counts(run)]).toEqual(['the answer is 42', 3 + 4, 2]);
  });
});

describe('aggregation and strategies', () => {
  test('a failed aggregation, strategy or enhancement is skipped', async () => {
    const failing: Scripted = { status: 500 };
    expect(counts(await ask({ ...SCRIPT, aggregation: () => failing }))).toEqual([16 + 2 * 6, 5]);
    const withoutStrategies = await ask({ ...SCRIPT, strategy: () => failing });
    expect(counts(withoutStrategies)).toEqual([3 + 6 + 4 + 2 * 6, 5]);
    expect(counts(await ask({ ...SCRIPT, enhancement: () => failing }))).toEqual([16 + 2 * 6, 5]);
    expect(counts(await ask({ ...SCRIPT, classification: () => failing }))).toEqual([34, 5]);
  });

  test('a cut or empty aggregate is no solution', async () => {
    const run = await ask({ ...SCRIPT, aggregation: (_, i) => (i % 2 ? '' : { text: 'half', finish: 'length' }) });
    expect(counts(run)).toEqual([16 + 2 * 6, 5]);
    for (const { bytes } of run.calls) expect(bytes).not.toContain('half');
  });

  test('each agent gets the strategies of the others', async () => {
    const strategy = (_: unknown, index: number) => `PROBLEM_TYPE: algebra\nKEY_INSIGHTS: insight ${index + 1}`;
    const run = await ask({ ...SCRIPT, strategy });
    const own = promptsOf(run, 'enhancement').map((prompt) => [1, 2, 3].filter((k) => prompt.includes(`insight ${k}`)));
    expect(own).toEqual([
      [2, 3],
      [1, 3],
      [1, 2],
    ]);
    const temperatures = callsOf(run, 'enhancement').map(({ request }) => request.temperature);
    expect(temperatures).toEqual([0.9 * 0.3, 0.9 * 0.6, 0.9]);
  });

  test('groups are drawn anew for each request, and the same again for the same one', async () => {
    const groups = async (request: { readonly seed: number }) =>
      promptsOf(await ask(SCRIPT, { request }), 'aggregation');
    expect(await groups({ seed: 1 })).toEqual(await groups({ seed: 1 }));
    expect(await groups({ seed: 1 })).not.toEqual(await groups({ seed: 2 }));
  });
});

describe('limits', () => {
  test('never a call over the budget, and an answer with whatever there is', async () => {
    for (let max_calls = 1; max_calls <= 36; max_calls++) {
      const run = await ask(SCRIPT, { request: { optigate: { max_calls } } });
      expect(run.calls.length).toBe(Math.min(max_calls, 34));
      expect(run.text).toContain('42');
      const degraded = run.exchange.headers.get('x-optigate-degraded');
      expect([max_calls, degraded]).toEqual([max_calls, max_calls < 34 ? 'budget' : undefined]);
    }
  });

  test('also where all is rejected and improved', async () => {
    const rejected: Script = { ...SCRIPT, verification: incorrect, candidate: (_, index) => `the answer is ${index}` };
    const options = { ...PLAIN, max_iterations: 2 };
    const { calls } = await ask(rejected, optionsOf(options));
    for (let max_calls = 1; max_calls <= calls.length; max_calls++) {
      const run = await ask(rejected, optionsOf(options, { optigate: { max_calls } }));
      expect(run.calls.length).toBeLessThanOrEqual(max_calls);
      expect(run.text).toMatch(/answer is/);
    }
  });

  test('a client that leaves ends all calls at once, wherever it is', async () => {
    for (const role of ['candidate', 'aggregation', 'verification', 'improvement']) {
      const leaving = new AbortController();
      const open: AbortSignal[] = [];
      const hanging: Script[string] = (_request, _index, { signal }) => {
        if (open.push(signal) === 1) setImmediate(() => leaving.abort(gatewayError('client_closed')));
        return { hangs: true };
      };
      const script = { ...SCRIPT, ...(role === 'improvement' ? { verification: incorrect } : {}), [role]: hanging };
      await expect(ask(script, { signal: leaving.signal })).rejects.toMatchObject({ code: 'client_closed' });
      expect(open.length).toBeGreaterThan(1);
      expect(open.every(({ aborted }) => aborted)).toBe(true);
    }
  });

  test.each([
    { num_agents: 0 },
    { num_agents: 9 },
    { verification_passes_required: 6 },
    { max_iterations: 21 },
    { aggregation_size: 1 },
    { answer_extraction_mode: 'words' },
  ])('refuses %o, naming the field', async (options) => {
    const [name] = Object.keys(options);
    await expect(ask({}, optionsOf(options))).rejects.toMatchObject({ status: 400, param: `mars_config.${name}` });
  });
});

test('its trace tells solutions, votes, and who won why', async () => {
  const run = await ask(SCRIPT, { request: { optigate: { trace: true } } });
  const { mars: facts } = run.completion['optigate'] as { mars: object };
  expect(facts).toMatchObject({
    agents: 3,
    iterations: 0,
    solutions: 9,
    votes: [{ answer: '42', votes: 9 }],
    winner: expect.any(Number) as unknown,
    why: expect.stringContaining('verified') as unknown,
  });
});

test('says what it does while it works', async () => {
  const said: string[] = [];
  await ask(
    { ...SCRIPT, verification: incorrect },
    { ...optionsOf({ max_iterations: 1 }), progress: (text) => said.push(text) },
  );
  expect(said).toEqual([
    'Asking 3 agents for a solution each.',
    'Combining solutions, step 1 of 3.',
    'Combining solutions, step 2 of 3.',
    'Combining solutions, step 3 of 3.',
    '9 solutions are there, verifying them.',
    'Improving what was rejected, round 1.',
  ]);
});
