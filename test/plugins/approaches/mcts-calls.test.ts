/** mcts: its calls, what they get, and what becomes of those that fail. */
import { describe, expect, test } from 'vitest';
import { Capabilities } from '../../../core/run/capabilities.ts';
import type { ChatRequest } from '../../../core/index.ts';
import type { Scripted } from '../../support/scripted-handler.ts';
import { ask, lastText, isAtRoot, dialogue, options } from './mcts-run.ts';

test.each([
  ['cheap', 4, 2],
  ['thorough', 10, 4],
])('the preset %s sets how many replies are looked at, and how far', async (mcts_preset, calls, rounds) => {
  const run = await ask({ script: dialogue(), request: { optigate: { mcts: { mcts_preset } } } });
  expect([run.calls.length, run.rounds]).toEqual([calls, rounds]);
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

  test.each(Array.from({ length: 14 }, (_, index) => index + 1))(
    '%i calls are enough for an answer',
    async (max_calls) => {
      const run = await ask({ script: dialogue(), ...options(4, 1, { optigate: { max_calls } }) });
      expect(run.text).toMatch(/^[ABC]$/);
      expect(run.calls.length).toBeLessThanOrEqual(max_calls);
      expect(run.exchange.headers.get('x-optigate-degraded')).toBe(max_calls < 14 ? 'budget' : undefined);
    },
  );

  test('a deadline ends it with the best so far', async () => {
    const script = { ...dialogue(), judge: ['0.1', '0.2', '0.9', { hangs: true }] };
    const run = await ask({ script, ...options(4, 1, { optigate: { deadline: 200 } }) });
    expect(run.text).toBe('C');
    expect(run.exchange.headers.get('x-optigate-degraded')).toBe('deadline');
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
