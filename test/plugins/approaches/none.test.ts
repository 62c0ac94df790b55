import { describe, expect, test } from 'vitest';
import { Capabilities } from '../../../core/run/capabilities.ts';
import bon from '../../../plugins/approaches/bon/index.ts';
import none from '../../../plugins/approaches/none.ts';
import { runApproach, USAGE, type RunOptions } from '../../support/scripted-handler.ts';

const ask = (options: RunOptions) => runApproach(undefined, { plugins: [none], ...options });
const script = { answer: (_: unknown, index: number) => `answer ${index}` };

test('what the upstream gets is what the client sent, digit for digit', async () => {
  const run = await ask({
    script: { answer: ['hi'] },
    request: { seed: 1, vendor: { x: [1.0] }, tools: [], response_format: null },
  });
  expect(run.plan.request).toBe(run.exchange.request);
  expect(run.calls[0]?.bytes).toBe(run.exchange.request.bytes.toString());
  expect(run.reply.headers).toContain('x-upstream');
  expect(run.completion.id).toBe('chatcmpl-upstream');
});

const user = { role: 'user', content: 'Hi' };
const call = { id: 'call_1', type: 'function', function: { name: 'add', arguments: '{"a": 1}' } };

/** Bodies as clients send them: what stands in them beside the model goes upstream. */
const BODIES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'one question': { messages: [user] },
  'a system message': { messages: [{ role: 'system', content: 'Be brief.' }, user] },
  'a developer message': { messages: [{ role: 'developer', content: 'Be brief.' }, user] },
  'several system messages': {
    messages: [{ role: 'system', content: 'a' }, user, { role: 'system', content: 'b' }, user],
  },
  'a history': { messages: [user, { role: 'assistant', content: 'Hello' }, { ...user, name: 'Ann' }] },
  'null content of a user': { messages: [{ role: 'user', content: null }] },
  'a refusal': { messages: [user, { role: 'assistant', content: null, refusal: 'No.' }, user] },
  'tool turns': {
    messages: [
      user,
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: 'call_1', content: '1' },
    ],
    tools: [{ type: 'function', function: { name: 'add', parameters: { type: 'object' } } }],
    tool_choice: 'auto',
    parallel_tool_calls: false,
  },
  'an old function turn': { messages: [user, { role: 'function', name: 'add', content: '1' }], functions: [] },
  'an image': {
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is it?' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==', detail: 'low' } },
        ],
      },
    ],
  },
  'sound and a file': {
    messages: [
      {
        role: 'user',
        content: [
          { type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } },
          { type: 'file', file: { file_id: 'file-1' } },
        ],
      },
    ],
    modalities: ['text', 'audio'],
    audio: { voice: 'alloy', format: 'wav' },
  },
  'a JSON schema': {
    messages: [user],
    response_format: { type: 'json_schema', json_schema: { name: 'x', strict: true, schema: { type: 'object' } } },
  },
  'sampling fields': {
    messages: [user],
    temperature: 0,
    top_p: 1,
    presence_penalty: 0.5,
    frequency_penalty: -0.5,
    stop: ['END'],
    seed: 7,
    logit_bias: { 50256: -100 },
  },
  logprobs: { messages: [user], logprobs: true, top_logprobs: 5 },
  max_tokens: { messages: [user], max_tokens: 10 },
  max_completion_tokens: { messages: [user], max_completion_tokens: 10 },
  'reasoning fields': { messages: [user], reasoning_effort: 'low', verbosity: 'low', include_reasoning: true },
  'a stream with usage': { messages: [user], stream: true, stream_options: { include_usage: true } },
  'unknown vendor fields': { messages: [user], top_k: 40, min_p: 0.05, vendor: { deep: [1, null, 'x'] }, n: 1 },
  'accounting fields': { messages: [user], user: 'ann', metadata: { a: 'b' }, store: false, service_tier: 'auto' },
};

/** Ways to ask for the plain call, whose marks are all that is taken out. */
const MARKS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'the body field': { optillm_approach: 'none' },
  'a prefix': { model: 'none-test-model' },
  'flat and nested options': { optillm_approach: 'none', best_of_n: 5, optigate: { bon: { best_of_n: 4 } } },
};

test.each(Object.keys(BODIES))('%s goes upstream as it is, but for the marks', async (name) => {
  for (const mark of [{}, ...Object.values(MARKS)]) {
    const request = { ...BODIES[name], ...mark };
    const run = await ask({ script, request, plugins: [none, bon] });
    expect(run.calls.map(({ request: sent }) => sent)).toEqual([{ model: 'test-model', ...BODIES[name] }]);
  }
});

test('a tag goes from its message, and nothing else of the conversation', async () => {
  const tagged = { role: 'user', content: ' <optillm_approach>none</optillm_approach>Hi there' };
  const history = [
    { role: 'user', content: 'User: Hi' },
    { role: 'assistant', content: null, tool_calls: [call] },
  ];
  const run = await ask({ script, request: { messages: [...history, tagged] } });
  const sent = run.calls[0]?.request.messages;
  expect(sent?.slice(0, 2)).toEqual(history);
  expect(sent?.[2]?.content).toMatch(/^\s*Hi there$/);
});

test('an empty reply is returned', async () => {
  const run = await ask({ script: { answer: [{ text: '' }] } });
  expect([run.reply.status, run.text, run.calls.length]).toEqual([200, '', 1]);
});

test.each([400, 401, 404, 429, 500])('an upstream’s %i passes as it is', async (status) => {
  const run = await ask({ script: { answer: [{ status, error: { message: 'no', code: 'x', param: null } }] } });
  expect([run.reply.status, run.completion]).toMatchObject([status, { error: { message: 'no', code: 'x' } }]);
  expect(run.calls.length).toBe(1);
});

describe('n', () => {
  test('goes upstream where it is honoured', async () => {
    const run = await ask({ script, request: { n: 3 } });
    expect([run.calls.length, run.completion.choices.length, run.completion.id]).toEqual([1, 3, 'chatcmpl-upstream']);
  });

  test.each([
    { n: 'ignores', first: [3, 2] },
    { n: 'rejects', first: [4, 2] },
  ] as const)('is fanned out where it is not ($n), at once from the second request on', async ({ n, first }) => {
    const capabilities = new Capabilities();
    const run = await ask({ script, n, capabilities, request: { n: 3 } });
    expect([run.calls.length, run.rounds]).toEqual(first);
    expect(run.completion.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(run.completion.usage?.total_tokens).toBe(3 * (USAGE.total_tokens ?? 0));
    const again = await ask({ script, n, capabilities, request: { n: 3 } });
    expect([again.calls.length, again.rounds, again.completion.choices.length]).toEqual([3, 1, 3]);
  });

  test.each(['honours', 'ignores', 'rejects'] as const)('streams by index (%s)', async (n) => {
    const capabilities = new Capabilities();
    for (let round = 0; round < 2; round++) {
      const run = await ask({
        script,
        n,
        capabilities,
        request: { n: 3, stream: true, stream_options: { include_usage: true } },
      });
      expect(
        run.completion.choices.map(({ index, message, finish_reason }) => [index, message.content, finish_reason]),
      ).toEqual([
        [0, 'answer 0', 'stop'],
        [1, 'answer 1', 'stop'],
        [2, 'answer 2', 'stop'],
      ]);
      expect(new Set(run.chunks.map(({ id }) => id)).size).toBe(1);
      expect(run.chunks.filter(({ usage }) => usage).length).toBe(1);
    }
  });

  test('a 400 that names another field of the client’s is the answer at once', async () => {
    const run = await ask({ script, refuses: ['logit_bias'], request: { n: 3, logit_bias: { 1: 1 } } });
    expect([run.reply.status, run.calls.length]).toEqual([400, 1]);
  });

  test('a request that is wrong without n, too, gets the first refusal and teaches nothing', async () => {
    const capabilities = new Capabilities();
    const wrong = {
      answer: () => ({
        status: 400,
        error: { message: 'context too long', code: 'context_length_exceeded', param: 'messages' },
      }),
    };
    expect((await ask({ script: wrong, capabilities, request: { n: 2 } })).reply.status).toBe(400);
    expect((await ask({ script, capabilities, request: { n: 2 } })).calls.length).toBe(1);
  });

  test('a refusal of many says nothing about fewer, nor one at temperature 0 about others', async () => {
    const capabilities = new Capabilities();
    const calls = async (n: number, most: number, fields = {}) => {
      const limited = { answer: (request: { n?: number | null }) => ((request.n ?? 1) > most ? { status: 400 } : 'a') };
      return (await ask({ script: limited, capabilities, request: { n, ...fields } })).calls.length;
    };
    expect([await calls(9, 8), await calls(9, 8), await calls(4, 8), await calls(8, 8)]).toEqual([10, 9, 1, 1]);
    expect([await calls(2, 1, { temperature: 0 }), await calls(2, 8)]).toEqual([3, 1]);
  });
});

test('a trace can be had of a plain call, too', async () => {
  const run = await ask({ script, request: { optigate: { trace: true } } });
  expect(run.completion['optigate']).toMatchObject({
    approach: 'none',
    rounds: 1,
    trace: { steps: [{ role: 'answer' }] },
  });
  const streamed = await ask({ script, request: { stream: true, optigate: { trace: true } } });
  expect(streamed.chunks.at(-1)?.['optigate']).toMatchObject({ approach: 'none' });
});
