import { describe, expect, test } from 'vitest';
import { Capabilities } from '../../../core/run/capabilities.ts';
import { gatewayError } from '../../../core/index.ts';
import mars from '../../../plugins/approaches/mars/index.ts';
import { runApproach, USAGE, type Run, type RunOptions, type Scripted } from '../../support/scripted-handler.ts';

type Script = RunOptions['script'];
const ask = (script: Script, options: Partial<RunOptions> = {}) =>
  runApproach('mars', { plugins: [mars], ...options, script });

const correct = () => 'All is well.\nConfidence: 8\nVERDICT: CORRECT';
const incorrect = () => 'ISSUES:\n- the second step is wrong\nCONFIDENCE: 9\nVERDICT: INCORRECT';
const answering = (kind: string, answer: number | string) => (_: unknown, index: number) =>
  `${kind} ${index + 1} works it out. The final answer is ${answer}.`;

const SCRIPT: Script = {
  candidate: answering('agent', 42),
  aggregation: answering('aggregate', 42),
  strategy: () => 'PROBLEM_TYPE: algebra\nAPPROACH_TYPE: direct\nKEY_INSIGHTS: six, seven',
  classification: () => 'algebra',
  enhancement: answering('enhanced', 42),
  verification: correct,
  improvement: answering('improved', 42),
  synthesis: () => 'In sum, the final answer is 42.',
};

const counts = ({ calls, rounds }: Run) => [calls.length, rounds];
const callsOf = (run: Run, role: string) => run.calls.filter((call) => call.role === role);
const promptsOf = (run: Run, role: string) => callsOf(run, role).map(({ request }) => JSON.stringify(request.messages));
const optionsOf = (options: object, rest: object = {}) => ({ request: { mars_config: options, ...rest } });
const ALONE = { num_agents: 1, enable_aggregation: false, enable_strategy_network: false };
const PLAIN = { enable_aggregation: false, enable_strategy_network: false };

/** Verifies what `isRight` says of the solution shown. */
const verifying = (isRight: (prompt: string) => boolean) => (request: { readonly messages: unknown }) =>
  isRight(JSON.stringify(request.messages)) ? correct() : incorrect();

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

  test('three choices take the rounds of one', async () => {
    const run = await ask(SCRIPT, { request: { n: 3 } });
    expect(run.completion.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(counts(run)).toEqual([3 * 34, 5]);
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
    const refused = await ask({}, { refuses: ['logit_bias'], request: { logit_bias: {} } });
    expect(refused.reply.status).toBe(400);
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

  test('go on after a tool’s result', async () => {
    const messages = [
      { role: 'user', content: 'Add.' },
      { role: 'assistant', content: null, tool_calls: toolCalls },
      { role: 'tool', tool_call_id: 'c', content: '42' },
    ];
    const run = await ask(SCRIPT, { request: { messages } });
    expect(counts(run)).toEqual([34, 5]);
    expect(callsOf(run, 'candidate')[0]?.request.messages.slice(1)).toEqual(messages);
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

describe('verification', () => {
  test('one failed pass of two is made up for by a third', async () => {
    const verification = [correct(), incorrect(), correct()];
    const run = await ask({ ...SCRIPT, verification }, optionsOf(ALONE));
    expect([run.text, ...counts(run)]).toEqual([answering('agent', 42)(0, 0), 4, 3]);
  });

  test('neither two failed passes nor a third that fails', async () => {
    const rejecting = { ...SCRIPT, verification: [incorrect(), incorrect()] };
    expect((await ask(rejecting, optionsOf({ ...ALONE, max_iterations: 0 }))).text).toBe(
      'In sum, the final answer is 42.',
    );
    const third = { ...SCRIPT, verification: [correct(), incorrect(), incorrect()] };
    expect((await ask(third, optionsOf({ ...ALONE, max_iterations: 0 }))).text).toBe('In sum, the final answer is 42.');
  });

  test('attempts are never fewer than have to pass', async () => {
    const options = { ...ALONE, verification_passes_required: 3, max_verification_attempts: 1 };
    expect(counts(await ask(SCRIPT, optionsOf(options)))).toEqual([1 + 3, 2]);
  });

  test('a solution that nobody judged is not rejected: nothing is improved', async () => {
    for (const verification of [() => 'Hard to say.', (): Scripted => ({ status: 500 })]) {
      const run = await ask({ ...SCRIPT, verification }, optionsOf(PLAIN));
      expect([run.text, ...counts(run)]).toEqual([expect.stringContaining('agent'), 9, 2]);
    }
  });

  test('that fell away altogether is said', async () => {
    const run = await ask({ ...SCRIPT, verification: () => ({ status: 500 }) });
    expect(run.exchange.headers.get('x-optigate-degraded')).toBe('verification_failed');
  });

  test('a verifier gets question and solution in plain words, and no tools', async () => {
    const run = await ask(SCRIPT, optionsOf(ALONE, { tools: [{ type: 'function' }], top_p: 0.2 }));
    const [request] = callsOf(run, 'verification').map((call) => call.request);
    expect(request).toMatchObject({ temperature: 0.1, max_tokens: 64_000, reasoning: { effort: 'low' } });
    for (const field of ['tools', 'top_p']) expect(request).not.toHaveProperty(field);
    for (const part of ['six times seven', 'agent 1 works'])
      expect(JSON.stringify(request?.messages).split(part).length).toBe(2);
  });
});

describe('an early stop', () => {
  const LATE = 5;
  /** Verifications of enhanced solutions take long. */
  const slow = (hangs: boolean) => (request: { readonly messages: unknown }) => ({
    text: correct(),
    ...(JSON.stringify(request.messages).includes('enhanced') ? (hangs ? { hangs } : { waves: LATE }) : {}),
  });

  test('aborts what is open once verified solutions agree', async () => {
    const run = await ask({ ...SCRIPT, verification: slow(true) }, { request: { optigate: { trace: true } } });
    expect(run.rounds).toBe(5);
    const open = callsOf(run, 'verification').filter(({ end_ms }) => end_ms === Infinity);
    expect(open.map(({ signal }) => signal.aborted)).toEqual(Array(6).fill(true));
    const { mars: facts } = run.completion['optigate'] as { mars: { saved_calls: number } };
    expect(facts.saved_calls).toBeGreaterThanOrEqual(6);
  });

  test('does not happen where it is off, or nobody agrees', async () => {
    const script = { ...SCRIPT, verification: slow(false) };
    const ends = (run: Run) => Math.max(...run.calls.map(({ end_ms }) => end_ms));
    expect(ends(await ask(script, optionsOf({ early_termination: false })))).toBe(4 + LATE);
    expect(ends(await ask(script, optionsOf({ consensus_threshold: 10 })))).toBe(4 + LATE);
  });

  test('ends the improving, too', async () => {
    const improvement = (_: unknown, index: number): Scripted =>
      index < 2 ? 'the final answer is 42' : { text: 'late', hangs: true };
    const verification = verifying((prompt) => prompt.includes(String.raw`<solution>\nthe final`));
    const run = await ask({ ...SCRIPT, improvement, verification }, optionsOf(PLAIN));
    expect([run.text, ...counts(run)]).toEqual(['the final answer is 42', 9 + 3 + 4, 4]);
    expect(callsOf(run, 'improvement')[2]?.signal.aborted).toBe(true);
  });
});

describe('improving', () => {
  test('only what changed is verified again, until one passes', async () => {
    const verification = verifying((prompt) => prompt.includes('improved'));
    const run = await ask({ ...SCRIPT, verification }, optionsOf({ ...PLAIN, max_iterations: 5 }));
    expect([run.text, ...counts(run)]).toEqual([answering('improved', 42)(0, 0), 9 + 9, 4]);
    const temperatures = callsOf(run, 'improvement').map(({ request }) => request.temperature);
    expect(temperatures).toEqual([0.8 * 0.3, 0.8 * 0.6, 0.8]);
  });

  test('a failed improvement leaves the solution as it was', async () => {
    const script: Script = { ...SCRIPT, verification: incorrect, improvement: () => ({ status: 500 }) };
    const run = await ask(script, optionsOf(PLAIN));
    expect([run.text, ...counts(run)]).toEqual([expect.stringContaining('agent'), 9 + 3, 3]);
  });

  test('goes on while fewer are verified than wanted', async () => {
    const verification = verifying((prompt) => prompt.includes('agent 1') || prompt.includes('improved'));
    const wanted = { ...PLAIN, min_verified_solutions: 2, early_termination: false };
    expect(counts(await ask({ ...SCRIPT, verification }, optionsOf(wanted)))).toEqual([9 + 6, 4]);
    expect(counts(await ask({ ...SCRIPT, verification }, optionsOf(PLAIN)))).toEqual([9, 2]);
  });
});

describe('the answer', () => {
  const candidate = ['so the answer is 42', 'thus the answer is 42', 'hence the answer is 17'];

  test('is one that the verifier passes', async () => {
    const verification = verifying((prompt) => prompt.includes('answer is 17'));
    const run = await ask({ ...SCRIPT, candidate, verification }, optionsOf({ ...PLAIN, max_iterations: 0 }));
    expect(run.text).toBe('hence the answer is 17');

    const only42 = verifying((prompt) => /<solution>.*42.*<\/solution>/.test(prompt));
    const whole = await ask({ ...SCRIPT, candidate, verification: only42 });
    expect([whole.text, whole.rounds]).toEqual([expect.stringContaining('42'), 5]);
    expect(whole.calls.length).toBeLessThanOrEqual(34);
  });

  test('is of the largest verified group, then the one whose verifiers are surest', async () => {
    const sure = (request: { readonly messages: unknown }) =>
      `CONFIDENCE: ${/thus|hence/.test(JSON.stringify(request.messages)) ? 9 : 6}\nVERDICT: CORRECT`;
    const script = { ...SCRIPT, candidate, verification: sure };
    expect((await ask(script, optionsOf({ ...PLAIN, early_termination: false }))).text).toBe('thus the answer is 42');
  });

  test('is voted for where none is verified', async () => {
    const run = await ask(
      { ...SCRIPT, candidate: candidate.toReversed(), verification: incorrect },
      optionsOf({ ...PLAIN, max_iterations: 0 }),
    );
    expect([run.text, ...counts(run)]).toEqual(['thus the answer is 42', 9, 2]);
  });

  const undecided = ['the answer is 1', 'the answer is 2', 'the answer is 3'];
  const UNDECIDED: Script = { ...SCRIPT, candidate: undecided, verification: incorrect };
  const plain = (rest: object = {}) => optionsOf({ ...PLAIN, max_iterations: 0 }, rest);

  test('is synthesised where nothing decides, live', async () => {
    const run = await ask(UNDECIDED, plain({ stream: true }));
    expect([run.reply.kind, run.text, ...counts(run)]).toEqual(['stream', 'In sum, the final answer is 42.', 10, 3]);
    const [prompt = ''] = promptsOf(run, 'synthesis');
    for (const part of [...undecided, '0 of 2 verifications passed', 'Solution 3: 3']) expect(prompt).toContain(part);
  });

  test.each([{ status: 500 }, { text: '' }])(
    'falls back on the best where that fails (%o)',
    async (synthesis: Scripted) => {
      for (const stream of [false, true]) {
        const run = await ask({ ...UNDECIDED, synthesis: [synthesis] }, plain({ stream }));
        expect(run.text).toBe('the answer is 1');
        expect(run.exchange.headers.get('x-optigate-degraded')).toBeDefined();
      }
    },
  );
});

describe('the client’s wish for reasoning', () => {
  const solution = String.raw`Since 1/2 is half, the result is \boxed{\frac{1}{2}}.`;
  const SOLVED: Script = { ...SCRIPT, candidate: () => solution };

  test('unasked, the solution is the answer as it came', async () => {
    const run = await ask(SOLVED, optionsOf(ALONE));
    expect(run.completion.choices[0]?.message).toEqual({ role: 'assistant', content: solution });
  });

  test('include_reasoning gives the solution as reasoning, the short answer as content', async () => {
    for (const stream of [false, true]) {
      const run = await ask(SOLVED, optionsOf(ALONE, { include_reasoning: true, stream }));
      const shown = { content: String.raw`\frac{1}{2}`, reasoning_content: solution };
      expect(run.completion.choices[0]?.message).toMatchObject(shown);
    }
  });

  test('thinking tags are there where they are set', async () => {
    const run = await ask(SOLVED, optionsOf({ ...ALONE, use_thinking_tags: true }));
    expect(run.text).toBe(`<think>\n${solution}\n</think>\n\n${String.raw`\frac{1}{2}`}`);
  });

  test.each([{ use_thinking_tags: false }, { answer_extraction_mode: 'none' }, { answer_extraction_mode: 'code' }])(
    'the solution stays whole with %o',
    async (options) => {
      const run = await ask(SOLVED, optionsOf({ ...ALONE, ...options }, { include_reasoning: true }));
      expect(run.text).toBe(solution);
    },
  );

  test('a format of the client’s stays as it is', async () => {
    const json = '{"text":"The answer is 42"}';
    const request = { response_format: { type: 'json_schema', json_schema: {} }, include_reasoning: true };
    for (const options of [ALONE, { ...ALONE, use_thinking_tags: true }]) {
      const run = await ask({ ...SCRIPT, candidate: () => json }, optionsOf(options, request));
      expect(run.text).toBe(json);
    }
  });

  test('a synthesised answer is shown the same way', async () => {
    const script: Script = { ...SOLVED, verification: incorrect, synthesis: ['Well. The answer is 7'] };
    for (const stream of [false, true]) {
      const run = await ask(script, optionsOf({ ...ALONE, max_iterations: 0 }, { include_reasoning: true, stream }));
      const shown = { content: '7', reasoning_content: 'Well. The answer is 7' };
      expect(run.completion.choices[0]?.message).toMatchObject(shown);
    }
  });
});

describe('limits', () => {
  test('never a call over the budget, and an answer with whatever there is', async () => {
    for (let max_calls = 1; max_calls <= 36; max_calls++) {
      const run = await ask(SCRIPT, { request: { optigate: { max_calls } } });
      expect(run.calls.length).toBe(Math.min(max_calls, 34));
      expect(run.text).toContain('42');
      const degraded = run.exchange.headers.get('x-optigate-degraded');
      expect([max_calls, degraded]).toEqual([max_calls, max_calls < 34 ? 'budget_exhausted' : undefined]);
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

  test('a deadline ends it with the best so far', async () => {
    const verification = (): Scripted => ({ throws: gatewayError('deadline_exceeded', { ms: 1 }) });
    const run = await ask({ ...SCRIPT, verification });
    expect(run.text).toContain('42');
    expect(run.exchange.headers.get('x-optigate-degraded')).toBe('deadline_exceeded');
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
