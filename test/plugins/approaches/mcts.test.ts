import { describe, expect, test } from 'vitest';
import { Capabilities } from '../../../core/run/capabilities.ts';
import { gatewayError, type ChatRequest } from '../../../core/index.ts';
import { contentText } from '../../../core/approach/index.ts';
import mcts from '../../../plugins/approaches/mcts/index.ts';
import { runApproach, USAGE, type RunOptions, type Scripted } from '../../support/scripted-handler.ts';

const ask = (options: RunOptions) => runApproach('mcts', { plugins: [mcts], ...options });
type Run = Awaited<ReturnType<typeof ask>>;

const VALUES: Readonly<Record<string, number>> = { A: 0.1, B: 0.2, C: 0.9 };
const lastText = ({ messages }: ChatRequest) => contentText(messages.at(-1)?.content);
/** Did the assistant of this conversation say anything yet? */
const isAtRoot = ({ messages }: ChatRequest) => messages.every(({ role }) => role !== 'assistant');
/** The first reply of the dialogue that a judge sees. */
const ratedReply = (request: ChatRequest) =>
  /<dialogue>\n<turn role="assistant">\n(.*)\n/.exec(lastText(request))?.[1] ?? '';

/** Replies A, B, C at the root; "go on" is what the user then wants, "well" what the assistant says to it. */
function dialogue(values: Readonly<Record<string, number | string>> = VALUES): RunOptions['script'] {
  let sampled = 0;
  return {
    candidate: (request) => (isAtRoot(request) ? 'ABCDEFGH'[sampled++ % 8]! : 'well'),
    user_turn: () => 'and then?',
    judge: (request) => `Score: ${values[ratedReply(request)]}`,
  };
}

const roles = ({ calls }: Run) => calls.map(({ role }) => role);
const options = (mcts_simulations: number, mcts_depth: number, more = {}) => ({
  request: { mcts_simulations, mcts_depth, ...more },
});

describe('the search', () => {
  test.each([
    { S: 1, d: 1, calls: 4, rounds: 4, answer: 'A' },
    { S: 2, d: 1, calls: 7, rounds: 4, answer: 'B' },
    { S: 3, d: 1, calls: 10, rounds: 4, answer: 'C' },
    { S: 4, d: 1, calls: 14, rounds: 8, answer: 'C' },
    { S: 5, d: 1, calls: 17, rounds: 11, answer: 'C' },
    { S: 3, d: 0, calls: 4, rounds: 2, answer: 'C' },
    { S: 3, d: 2, calls: 16, rounds: 6, answer: 'C' },
    { S: 2, d: 8, calls: 35, rounds: 18, answer: 'B' },
  ])('of $S simulations of $d turns takes $calls calls in $rounds rounds', async ({ S, d, calls, rounds, answer }) => {
    const run = await ask({ script: dialogue(), ...options(S, d) });
    expect([run.text, run.calls.length, run.rounds]).toEqual([answer, calls, rounds]);
    expect(run.completion.usage?.total_tokens).toBe(calls * (USAGE.total_tokens ?? 0));
  });

  test('makes 7 calls in 4 rounds by default, and never returns the first reply for want of a choice', async () => {
    const run = await ask({ script: dialogue() });
    expect([run.text, run.calls.length, run.rounds]).toEqual(['B', 7, 4]);
    expect(run.calls[0]?.request.n).toBe(2);
  });

  test('sends the fourth simulation to the best reply, one level deeper', async () => {
    const run = await ask({ script: dialogue(), ...options(4, 1, { optigate: { trace: true } }) });
    const [expansion, imagined, step, rating] = run.calls.slice(10).map(({ request }) => request);
    const said = (request: ChatRequest | undefined) => request?.messages.slice(1).map(contentOf);
    expect(said(expansion)).toEqual(['C', 'and then?']);
    expect(expansion?.n).toBe(3);
    expect(said(imagined)?.slice(0, -1)).toEqual(['C', 'and then?', 'well']);
    expect(said(step)).toEqual(['C', 'and then?', 'well', 'and then?']);
    expect(ratedReply(rating!)).toBe('C');
    expect(run.completion['optigate']).toMatchObject({ mcts: { visits: [1, 1, 2], winner: 2 } });
  });

  test('at depth 0 has nothing to do beyond one rating per reply', async () => {
    const run = await ask({ script: dialogue(), ...options(9, 0, { optigate: { max_calls: 4 } }) });
    expect([run.text, run.calls.length, run.rounds]).toEqual(['C', 4, 2]);
    expect(run.exchange.headers.get('x-optigate-degraded')).toBeUndefined();
  });

  test('leaves a reply whose prospects turn out worse', async () => {
    const script = () => ({
      ...dialogue(),
      // The first look at C is promising, those further down are not.
      judge: (request: ChatRequest) =>
        ratedReply(request) === 'C' && lastText(request).split('role="assistant"').length > 3
          ? '0'
          : `${{ A: 0.5, B: 0.6, C: 0.9 }[ratedReply(request)]}`,
    });
    expect((await ask({ script: script(), ...options(3, 1) })).text).toBe('C');
    expect((await ask({ script: script(), ...options(4, 1) })).text).toBe('B');
  });

  test('ends with an answer where the user said "goodbye"', async () => {
    const messages = [{ role: 'user', content: 'Goodbye!' }];
    const run = await ask({ script: dialogue(), request: { messages } });
    expect([run.reply.status, run.text, run.calls.length]).toEqual([200, 'B', 7]);
  });

  test('makes the same calls when it is repeated', async () => {
    const again = async () => {
      const run = await ask({ script: dialogue(), ...options(6, 2, { seed: 1 }) });
      return run.calls.map(({ bytes }) => bytes);
    };
    expect(await again()).toEqual(await again());
  });

  test('keeps each request’s depth to itself', async () => {
    const [one, two] = await Promise.all([
      ask({ script: dialogue(), ...options(2, 1) }),
      ask({ script: dialogue(), ...options(2, 3) }),
    ]);
    const third = await ask({ script: dialogue() });
    expect([one, two, third].map(({ calls }) => calls.length)).toEqual([7, 15, 7]);
  });

  test.each([
    { n: 'rejects', first: [9, 5] },
    { n: 'ignores', first: [8, 5] },
  ] as const)('costs one round more, once, where the upstream $n n', async ({ n, first }) => {
    const capabilities = new Capabilities();
    const run = await ask({ script: dialogue({ ...VALUES, D: 0.3 }), n, capabilities });
    expect([run.calls.length, run.rounds]).toEqual(first);
    const again = await ask({ script: dialogue(), n, capabilities });
    expect([again.text, again.calls.length, again.rounds]).toEqual(['B', 8, 4]);
  });
});

describe('ratings', () => {
  test.each([
    ['in any form', ['**Score:** 0.3', '<think>1</think>7/10', '{"score": 0.5}'], 'B'],
    ['off the scale count for nothing', ['Score: 7', '0.1', '-1'], 'B'],
    ['that cannot be read leave the first', ['good', 'bad', 'ugly'], 'A'],
    ['that are equal leave the first', ['0.5', '0.5', '0.5'], 'A'],
  ])('%s', async (_, judge, answer) => {
    const run = await ask({ script: { ...dialogue(), judge }, ...options(3, 1) });
    expect([run.reply.status, run.text, run.calls.length]).toEqual([200, answer, 10]);
  });

  test('that cannot be read leave the answer most replies come to', async () => {
    const replies = ['answer: 17', 'answer: 42', 'The answer is 42.'];
    const candidate = (request: ChatRequest, index: number) => (isAtRoot(request) ? replies[index]! : 'well');
    const run = await ask({ script: { ...dialogue(), candidate, judge: () => 'fine' }, ...options(3, 1) });
    expect(run.text).toBe('answer: 42');
    expect(run.exchange.headers.get('x-optigate-degraded')).toBeUndefined();
  });

  test('that all fail leave the first, and the client is told', async () => {
    const run = await ask({ script: { ...dialogue(), judge: () => ({ status: 500 }) } });
    expect([run.text, run.calls.length]).toEqual(['A', 7]);
    expect(run.exchange.headers.get('x-optigate-degraded')).toBe('judges_failed');
  });

  test('that fail cost their reply the value, nothing more', async () => {
    const judge = [{ status: 500 }, '0.4', '0.3'];
    expect((await ask({ script: { ...dialogue(), judge }, ...options(3, 1) })).text).toBe('B');
  });
});

describe('early stop', () => {
  const early = (script: RunOptions['script'], S: number, more = {}) =>
    ask({ script, ...options(S, 1, { mcts_early_stop: true, optigate: { trace: true, ...more } }) });

  test('leaves out simulations that can no longer change the winner', async () => {
    const run = await early(dialogue(), 4);
    expect([run.text, run.calls.length, run.rounds]).toEqual(['C', 10, 4]);
    expect(run.completion['optigate']).toMatchObject({ mcts: { saved_calls: 4, winner: 2 } });
  });

  test('makes those that can', async () => {
    const run = await early(dialogue({ A: 0.1, B: 0.8, C: 0.9 }), 4);
    expect([run.text, run.calls.length]).toEqual(['C', 14]);
  });

  test('rates nothing where all replies are the same', async () => {
    const run = await early({ candidate: () => 'same' }, 3);
    expect([run.text, run.calls.length]).toEqual(['same', 1]);
    expect(run.completion['optigate']).toMatchObject({ mcts: { saved_calls: 9 } });
  });

  test('looks at all of several choices', async () => {
    const run = await ask({
      script: dialogue(),
      ...options(4, 1, { n: 2, mcts_early_stop: true, optigate: { n: 'top' } }),
    });
    expect(run.calls.length).toBe(14);
  });
});

describe('what does not go well', () => {
  const failing: readonly Scripted[] = [
    { status: 500 },
    { status: 429 },
    { text: '' },
    { text: 'x', finish: 'content_filter' },
  ];

  test.each(failing)('a reply that is no use (%o) leaves the others', async (bad) => {
    const script = dialogue({ B: 0.2, C: 0.9 });
    const sampled = script['candidate'] as (request: ChatRequest) => Scripted;
    const candidate = (request: ChatRequest) => {
      const reply = sampled(request);
      return reply === 'A' ? bad : reply;
    };
    const capabilities = new Capabilities();
    await ask({ script: dialogue({ A: 0, B: 0, C: 0 }), n: 'ignores', capabilities });
    const run = await ask({ script: { ...script, candidate }, capabilities, ...options(3, 1) });
    expect(run.text).toBe('C');
  });

  test('a single reply is not rated where others were asked for', async () => {
    const run = await ask({ script: { candidate: ['', 'B', ' '] }, ...options(3, 1) });
    expect([run.text, run.calls.length]).toEqual(['B', 1]);
  });

  test('a truncated reply is shown only where there is no other', async () => {
    const half = { text: 'A', finish: 'length' };
    const script = (...replies: readonly Scripted[]) => {
      let sampled = 0;
      return { ...dialogue(), candidate: (request: ChatRequest) => (isAtRoot(request) ? replies[sampled++]! : 'well') };
    };
    expect((await ask({ script: script(half, 'B', 'C'), ...options(3, 0) })).text).toBe('C');
    const cut = await ask({ script: script(half, { ...half, text: 'B' }), ...options(2, 0) });
    expect(cut.completion.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: 'B' } });
  });

  test.each(['', '<think>hm', { text: 'cut of', finish: 'length' }, { status: 500 }] as Scripted[])(
    'the user goes on in any case where no message can be imagined (%o)',
    async (turn) => {
      const run = await ask({ script: { ...dialogue(), user_turn: () => turn } });
      expect([run.text, run.calls.length, run.rounds]).toEqual(['B', 7, 4]);
      expect(lastText(run.calls[3]!.request)).toMatch(/go on/);
    },
  );

  test.each(failing)('a dialogue ends where no reply comes (%o)', async (bad) => {
    const sampled = dialogue()['candidate'] as (request: ChatRequest) => Scripted;
    const candidate = (request: ChatRequest) => (isAtRoot(request) ? sampled(request) : bad);
    const run = await ask({ script: { ...dialogue(), candidate }, ...options(5, 1) });
    expect(run.text).toBe('C');
    // 3 × (imagine, reply, rate), then one expansion that brings nothing, and nothing to be learnt from another.
    expect([run.calls.length, run.rounds]).toEqual([11, 5]);
  });

  test('no usable reply is an error, a refusal of all the upstream’s own', async () => {
    await expect(ask({ script: { candidate: ['', ' '] } })).rejects.toMatchObject({
      status: 502,
      code: 'upstream_error',
    });
    const error = { message: 'slow down', code: 'rate_limit', param: null };
    const run = await ask({ script: { candidate: () => ({ status: 429, error }) } });
    expect([run.reply.status, run.calls.length]).toEqual([429, 1]);
    expect(run.completion).toMatchObject({ error });
  });

  test('a refusal of the client’s own field is the answer', async () => {
    const run = await ask({ script: dialogue(), refuses: ['logit_bias'], request: { logit_bias: { 1: 1 } } });
    expect([run.reply.status, run.calls.length]).toEqual([400, 1]);
  });

  test.each(Array.from({ length: 14 }, (_, index) => index + 1))(
    '%i calls are enough for an answer',
    async (max_calls) => {
      const run = await ask({ script: dialogue(), ...options(4, 1, { optigate: { max_calls } }) });
      expect(run.text).toMatch(/^[ABC]$/);
      expect(run.calls.length).toBeLessThanOrEqual(max_calls);
      expect(run.exchange.headers.get('x-optigate-degraded')).toBe(max_calls < 14 ? 'budget_exhausted' : undefined);
    },
  );

  test('a deadline ends it with the best so far', async () => {
    const script = { ...dialogue(), judge: ['0.1', '0.2', '0.9', { hangs: true }] };
    const run = await ask({ script, ...options(4, 1, { optigate: { deadline: 200 } }) });
    expect(run.text).toBe('C');
    expect(run.exchange.headers.get('x-optigate-degraded')).toBe('deadline_exceeded');
  });

  test('a client that leaves ends it', async () => {
    const client = new AbortController();
    const script = {
      ...dialogue(),
      judge: () => {
        client.abort(gatewayError('client_closed'));
        return { hangs: true };
      },
    };
    await expect(ask({ script, signal: client.signal })).rejects.toMatchObject({ code: 'client_closed' });
  });
});

describe('what the upstream gets', () => {
  const tools = [{ type: 'function', function: { name: 'add' } }];
  const toolCalls = [{ id: 'call_1', type: 'function', function: { name: 'add', arguments: '{"a":1}' } }];

  test('replies get the conversation and the client’s parameters, user and judge their own', async () => {
    const request = {
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Why?' },
      ],
      temperature: 0.7,
      top_p: 0.9,
      stop: ['END'],
      vendor: 1,
      max_completion_tokens: 300,
      response_format: { type: 'json_object' },
      tools,
    };
    const run = await ask({ script: dialogue(), request });
    const [reply, imagined, , step, , rating] = run.calls.map((call) => call.request);
    expect(reply).toMatchObject({ ...request, n: 2 });
    expect(step).toMatchObject({ ...request, messages: [...request.messages, {}, { content: 'and then?' }] });
    expect(imagined).toMatchObject({
      temperature: 1,
      max_completion_tokens: 300,
      vendor: 1,
      tools,
      tool_choice: 'none',
    });
    expect(imagined?.messages.slice(0, 3)).toEqual([...request.messages, { role: 'assistant', content: 'A' }]);
    for (const field of ['stop', 'response_format', 'n']) expect(imagined).not.toHaveProperty(field);
    expect(rating).toMatchObject({ temperature: 0.1, max_completion_tokens: 1024, vendor: 1 });
    for (const field of ['top_p', 'stop', 'response_format', 'tools', 'n']) expect(rating).not.toHaveProperty(field);
    for (const part of ['Be brief.', 'Why?', 'and then?', 'well'])
      expect(lastText(rating!).split(part).length, part).toBe(2);
  });

  test('a model that shows its reasoning has room for it where it plays the user and the judge', async () => {
    const message = { role: 'assistant', content: 'A', reasoning_content: 'hm' };
    const script = { ...dialogue(), candidate: () => ({ extra: { message } }) };
    const { calls } = await ask({ script, ...options(1, 1, { max_tokens: 9_000 }) });
    expect(calls.map(({ role, request }) => [role, request.max_tokens])).toEqual([
      ['candidate', 9_000],
      ['user_turn', 4_096],
      ['candidate', 9_000],
      ['judge', 4_096],
    ]);
  });

  test('an imagined turn is short', async () => {
    expect((await ask({ script: dialogue() })).calls[1]?.request.max_tokens).toBe(1024);
  });

  test('a reply that calls a tool is rated as it is, for nobody knows what the tool says', async () => {
    let sampled = 0;
    const script = {
      ...dialogue(),
      candidate: (request: ChatRequest) => (isAtRoot(request) ? ['A', { toolCalls }][sampled++]! : 'well'),
      judge: (request: ChatRequest) => (lastText(request).includes('[calls add with {"a":1}]') ? '0.9' : '0.1'),
    };
    const run = await ask({ script, request: { tools } });
    expect([run.calls.length, run.rounds]).toEqual([5, 4]);
    expect(run.completion.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: { tool_calls: toolCalls },
    });
  });

  test('a conversation that ends in a tool result goes on from there', async () => {
    const messages = [
      { role: 'user', content: 'Add.' },
      { role: 'assistant', content: null, tool_calls: toolCalls },
      { role: 'tool', tool_call_id: 'call_1', content: '3' },
    ];
    const script = dialogue();
    const candidate = (request: ChatRequest, index: number) => (request.messages.length === 3 ? 'AB'[index]! : 'well');
    const run = await ask({ script: { ...script, candidate }, request: { messages, tools } });
    expect([run.text, run.calls.length]).toEqual(['B', 7]);
    for (const { role, request } of run.calls)
      if (role !== 'judge') expect(request.messages.slice(0, 3)).toEqual(messages);
  });
});

describe('n', () => {
  test('runs the whole search so often at once', async () => {
    const run = await ask({ script: dialogue({ A: 1, B: 0, C: 1, D: 0, E: 1, F: 0 }), request: { n: 3 } });
    expect(run.completion.choices.map(({ message }) => message.content)).toEqual(['A', 'C', 'E']);
    expect([run.calls.length, run.rounds]).toEqual([21, 4]);
  });

  test('top gives the best of one tree', async () => {
    const run = await ask({ script: dialogue(), ...options(3, 1, { n: 2, optigate: { n: 'top' } }) });
    expect(run.completion.choices.map(contentOf)).toEqual(['C', 'B']);
    expect([run.calls.length, run.rounds]).toEqual([10, 4]);
  });

  test('top says where fewer replies are of use than were asked for', async () => {
    const script = { ...dialogue(), candidate: ['A', '', 'C'] };
    const run = await ask({ script, ...options(3, 0, { n: 3, optigate: { n: 'top' } }) });
    expect(run.completion.choices.map(contentOf)).toEqual(['C', 'A']);
    expect(run.exchange.headers.get('x-optigate-degraded')).toBe('choices_missing');
  });

  test('top gives as many as were asked for, also where fewer are rated', async () => {
    const run = await ask({ script: dialogue(), request: { n: 4, optigate: { n: 'top' } } });
    expect(run.completion.choices.map(contentOf)).toEqual(['B', 'A', 'C', 'D']);
    expect(run.calls.length).toBe(7);
  });
});

test('its answer streams once it is chosen', async () => {
  const run = await ask({ script: dialogue(), request: { stream: true } });
  expect(run.text).toBe('B');
  expect(roles(run)).toEqual(['candidate', 'user_turn', 'user_turn', 'candidate', 'candidate', 'judge', 'judge']);
});

test('says what it does while it works', async () => {
  const said: string[] = [];
  await ask({ script: dialogue(), ...options(4, 1), progress: (text) => said.push(text) });
  expect(said).toEqual([
    'Writing 3 replies to choose from.',
    'Playing the conversation on after each reply, and rating it.',
    'Simulation 4 of 4.',
  ]);
});

test('its trace tells visits, values and why one won', async () => {
  const run = await ask({ script: dialogue(), request: { optigate: { trace: true } } });
  expect(run.completion['optigate']).toMatchObject({
    rounds: 4,
    mcts: {
      replies: 2,
      visits: [1, 1],
      values: [0.1, 0.2],
      winner: 1,
      why: 'its dialogues are rated highest on average',
    },
  });
});

test.each([
  ['mcts_simulations', 0],
  ['mcts_simulations', 65],
  ['mcts_exploration', -1],
  ['mcts_exploration', 11],
  ['mcts_depth', 9],
  ['mcts_depth', 1.5],
  ['mcts_branching', 1],
  ['mcts_branching', 9],
])('refuses %s %s, naming the field', async (option, value) => {
  await expect(ask({ script: {}, request: { optigate: { mcts: { [option]: value } } } })).rejects.toMatchObject({
    status: 400,
    param: `optigate.mcts.${option}`,
  });
});

function contentOf(one: { readonly message?: { readonly content?: unknown }; readonly content?: unknown }): unknown {
  return one.message ? one.message.content : one.content;
}
