import { describe, expect, test } from 'vitest';
import { programOf } from '../../../core/approach/index.ts';
import { isAboutCode, isSameProgram } from '../../../plugins/approaches/rto/programs.ts';
import rto from '../../../plugins/approaches/rto/index.ts';
import { runApproach, USAGE, type RunOptions, type Scripted } from '../../support/scripted-handler.ts';

const fenced = (code: string, language = 'python') => `\`\`\`${language}\n${code}\n\`\`\``;
const QUESTION = [{ role: 'user', content: 'Write a function that adds two numbers.' }];
const C1 = `Here it is:\n${fenced('def add(a, b):\n    return a + b')}\nIt adds.`;
const C2 = fenced('def add(x, y):\n    return x + y');
const C3 = fenced('def add(a: int, b: int) -> int:\n    return a + b');
const DESCRIPTION = 'A Python function add of two parameters that gives their sum.';
const SCRIPT = { draft: [C1], description: [DESCRIPTION], rewrite: [C2], synthesis: [C3] };

const ask = ({ request, ...options }: RunOptions) =>
  runApproach('rto', { plugins: [rto], request: { messages: QUESTION, ...request }, ...options });
const shape = ({ text, calls, rounds }: Awaited<ReturnType<typeof ask>>) => [text, calls.length, rounds];
const promptOf = (run: Awaited<ReturnType<typeof ask>>, role: string) =>
  JSON.stringify(run.calls.find((call) => call.role === role)?.request.messages);

describe('the round trip', () => {
  test('of programs that differ takes four calls and rounds, and ends with the merged one', async () => {
    const run = await ask({ script: SCRIPT });
    expect(shape(run)).toEqual([C3, 4, 4]);
    expect(run.completion.usage?.total_tokens).toBe(4 * (USAGE.total_tokens ?? 0));
  });

  test('writes the second program from the description alone, and merges with everything in view', async () => {
    const run = await ask({
      script: SCRIPT,
      request: { messages: [{ role: 'system', content: 'Be terse.' }, ...QUESTION] },
    });
    expect(promptOf(run, 'description')).toContain('def add(a, b)');
    expect(promptOf(run, 'description')).toContain('Describe the task');
    expect(promptOf(run, 'synthesis')).toContain(`<description>\\n${DESCRIPTION}\\n</description>`);
    expect(run.calls[2]?.request.messages.at(-1)).toEqual({ role: 'user', content: DESCRIPTION });
    expect(promptOf(run, 'rewrite')).toContain('Be terse.');
    expect(promptOf(run, 'rewrite')).not.toContain('adds two numbers');
    for (const part of ['adds two numbers', 'return a + b', 'return x + y'])
      expect(promptOf(run, 'synthesis').split(part).length - 1).toBe(1);
    expect(run.calls[3]?.request.messages.at(-1)).toEqual(QUESTION[0]);
  });

  test('of programs that differ in a comment ends with the whole first answer, after three calls', async () => {
    const same = fenced('# Adds.\r\ndef add(a, b):\r\n\r\n    return a + b  \r');
    const run = await ask({ script: { ...SCRIPT, rewrite: [same] } });
    expect(shape(run)).toEqual([C1, 3, 3]);
    expect(run.exchange.headers.get('x-optigate-degraded')).toBeUndefined();
  });

  test('compares exactly where the request says so', async () => {
    const same = fenced('# Adds.\ndef add(a, b):\n    return a + b');
    const run = await ask({ script: { ...SCRIPT, rewrite: [same] }, request: { rto_similarity: 'exact' } });
    expect(shape(run)).toEqual([C3, 4, 4]);
  });

  test('compares all blocks, not the first alone', async () => {
    const shell = fenced('pip install numpy', 'sh');
    const draft = `${shell}\n${fenced('print(1)')}`;
    const differing = await ask({ script: { ...SCRIPT, draft: [draft], rewrite: [`${shell}\n${C2}`] } });
    expect(shape(differing)).toEqual([C3, 4, 4]);
    const equal = await ask({ script: { ...SCRIPT, draft: [draft], rewrite: [draft] } });
    expect(shape(equal)).toEqual([draft, 3, 3]);
  });

  test('is not made of prose', async () => {
    const run = await ask({
      script: { draft: ['Spring is green.'] },
      request: { messages: [{ role: 'user', content: 'How is spring?' }] },
    });
    expect(shape(run)).toEqual(['Spring is green.', 1, 1]);
    expect(run.exchange.headers.get('x-optigate-degraded')).toBe('rto: no code');
  });

  test('takes a program without a fence as it is', async () => {
    const run = await ask({ script: { ...SCRIPT, draft: ['add = lambda a, b: a + b'] } });
    expect(shape(run)).toEqual([C3, 4, 4]);
  });

  test('is made k times at once with rto_samples, and merges what differs', async () => {
    const script = {
      draft: [C1],
      description: ['one', 'two', 'three'],
      rewrite: [C2, C1, C2],
      synthesis: [C3],
    };
    const run = await ask({ script, request: { rto_samples: 3 } });
    expect(shape(run)).toEqual([C3, 1 + 2 * 3 + 1, 4]);
    expect(promptOf(run, 'synthesis').split('return x + y').length - 1).toBe(1);
    const equal = await ask({ script: { ...script, rewrite: [C1, C1, C1] }, request: { rto_samples: 3 } });
    expect(shape(equal)).toEqual([C1, 7, 3]);
  });
});

describe('failures', () => {
  test.each([
    ['a cut description', { description: [{ text: 'A function', finish: 'length' }] }, 2],
    ['an empty description', { description: ['<think>hm</think> '] }, 2],
    ['a filtered description', { description: [{ text: 'x', finish: 'content_filter' }] }, 2],
    ['a failed description', { description: [{ status: 500 }] }, 2],
    ['a cut second program', { rewrite: [{ text: '```\nx', finish: 'length' }] }, 3],
    ['an empty second program', { rewrite: [''] }, 3],
    ['a failed second program', { rewrite: [{ status: 500 }] }, 3],
    ['a merge that fails', { synthesis: [{ status: 429 }] }, 4],
    ['an empty merge', { synthesis: [''] }, 4],
    ['a merge that is cut inside its fence', { synthesis: [{ text: '```python\ndef a', finish: 'length' }] }, 4],
  ] as const)('%s: the first answer', async (_, part: Record<string, readonly Scripted[]>, calls) => {
    const run = await ask({ script: { ...SCRIPT, ...part } });
    expect(shape(run)).toEqual([C1, calls, calls]);
    expect(run.exchange.headers.get('x-optigate-degraded')).toBeDefined();
  });

  test('a merge that is cut after its code is the answer, as cut', async () => {
    const text = `${C3}\nThis adds`;
    const run = await ask({ script: { ...SCRIPT, synthesis: [{ text, finish: 'length' }] } });
    expect(run.completion.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: text } });
  });

  test('a first program that was cut is the answer, as cut', async () => {
    const run = await ask({ script: { draft: [{ text: '```\ndef', finish: 'length' }] } });
    expect(run.completion.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: '```\ndef' } });
    expect(run.calls.length).toBe(1);
  });

  test('one round trip of several that fails is left out', async () => {
    const script = { draft: [C1], description: [{ status: 500 }, 'two'], rewrite: [C1] };
    expect(shape(await ask({ script, request: { rto_samples: 2 } }))).toEqual([C1, 4, 3]);
  });

  test.each(['', ' ', '<think>hm'])(
    'a first answer with nothing in it (%j) is an error after one call',
    async (draft) => {
      await expect(ask({ script: { draft: [draft] } })).rejects.toMatchObject({ status: 502, code: 'upstream_error' });
    },
  );

  test.each([401, 429, 500])('a first call refused with %i is the answer', async (status) => {
    const run = await ask({ script: { draft: [{ status }] } });
    expect([run.reply.status, run.calls.length]).toEqual([status, 1]);
  });

  test('a filtered first answer is shown as it is', async () => {
    const run = await ask({ script: { draft: [{ text: 'x', finish: 'content_filter' }] } });
    expect(run.completion.choices[0]).toMatchObject({ finish_reason: 'content_filter' });
  });

  test.each([1, 2, 3])('a budget of %i calls ends with the first answer', async (max_calls) => {
    const run = await ask({ script: SCRIPT, request: { optigate: { max_calls } } });
    expect(shape(run)).toEqual([C1, max_calls, max_calls]);
    expect(run.exchange.headers.get('x-optigate-degraded')).toBe('budget');
  });
});

describe('what the upstream gets', () => {
  test('the client’s sampling and tools for both programs that may be shown, none for the description', async () => {
    const request = { temperature: 0.3, tools: [{ type: 'function' }], max_completion_tokens: 99, logprobs: true };
    const run = await ask({ script: SCRIPT, request });
    const [draft, description, rewrite, synthesis] = run.calls.map((call) => call.request);
    expect(draft).toMatchObject(request);
    expect(synthesis).toMatchObject(request);
    expect(description).toMatchObject({ temperature: 0.1, max_completion_tokens: 2048 });
    expect(rewrite).toMatchObject({ temperature: 0.3, max_completion_tokens: 99 });
    for (const internal of [description, rewrite]) expect(internal).not.toHaveProperty('tools');
  });

  test('a low temperature and a limit where the client set none', async () => {
    const run = await ask({ script: SCRIPT });
    expect(run.calls.map(({ request }) => request.temperature)).toEqual([0.1, 0.1, 0.1, 0.1]);
    expect(run.calls.map(({ request }) => request.max_tokens)).toEqual([4096, 2048, 4096, 4096]);
  });

  test('a tool call is the answer', async () => {
    const toolCalls = [{ id: 'c', type: 'function', function: { name: 'run', arguments: '{}' } }];
    const run = await ask({ script: { draft: [{ toolCalls }] }, request: { tools: [{ type: 'function' }] } });
    expect(run.calls.length).toBe(1);
    expect(run.completion.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: { tool_calls: toolCalls },
    });
  });

  test('with a response_format one plain call', async () => {
    const request = { response_format: { type: 'json_object' } };
    const run = await ask({ script: { answer: ['{}'] }, request });
    expect(shape(run)).toEqual(['{}', 1, 1]);
    expect(run.calls[0]?.request.messages).toEqual(QUESTION);
    expect(run.exchange.headers.get('x-optigate-degraded')).toBe('rto: response_format');
  });

  test('a conversation that ends in a tool result, as it is', async () => {
    const called = { id: 'c', type: 'function', function: { name: 'read', arguments: '{}' } };
    const messages = [
      ...QUESTION,
      { role: 'assistant', content: null, tool_calls: [called] },
      { role: 'tool', tool_call_id: 'c', content: 'a file' },
    ];
    const run = await ask({ script: SCRIPT, request: { messages } });
    expect(run.text).toBe(C3);
    expect(run.calls[0]?.request.messages).toEqual(messages);
    expect(run.calls[3]?.request.messages.slice(1)).toEqual(messages);
  });

  test('the same calls, byte for byte, when the request is repeated', async () => {
    const script = { draft: [C1], description: ['one', 'two'], rewrite: [C2, C3], synthesis: [C3] };
    const bytes = async () => (await ask({ script, request: { rto_samples: 2 } })).calls.map((call) => call.bytes);
    expect(await bytes()).toEqual(await bytes());
  });
});

test('streams the merged program live', async () => {
  const run = await ask({ script: SCRIPT, request: { stream: true } });
  expect([run.reply.kind, ...shape(run)]).toEqual(['stream', C3, 4, 4]);
  expect(run.calls.map(({ request }) => request.stream ?? false)).toEqual([false, false, false, true]);
});

test.each(['honours', 'rejects', 'ignores'] as const)(
  'gives three choices in the rounds of one from an upstream that %s n',
  async (n) => {
    const script = { draft: () => C1, description: () => DESCRIPTION, rewrite: () => C2, synthesis: () => C3 };
    const run = await ask({ script, n, request: { n: 3 } });
    expect(run.completion.choices.map(({ message }) => message.content)).toEqual([C3, C3, C3]);
    expect([run.calls.length, run.rounds]).toEqual([12, 4]);
  },
);

describe('programs', () => {
  test('are all fenced blocks of an answer, without its reasoning', () => {
    expect(programOf(`<think>${fenced('no')}</think>a\n${fenced('one')}\nb\n${fenced('two')}`)).toBe('one\ntwo');
    expect(programOf(' x = 1 ')).toBe('x = 1');
  });

  test.each([
    ['# c\nx = 1', 'x = 1', true],
    ['// c\nx = 1;', 'x = 1;', true],
    ['/* c\n d */\nx = 1;', 'x = 1;\n', true],
    ['/* c */ x = 1; /* d */', '/* c */ x = 2; /* d */', false],
    ['#include <a>\nx', 'x', false],
    ['--i;\nx', 'x', false],
    ['if a:\n  b', 'if a:\nb', false],
    ['x = 1 # c', 'x = 1', false],
  ])('%j and %j are the same: %s', (a, b, isSame) => {
    expect(isSameProgram(a, b, 'normalized')).toBe(isSame);
  });

  test.each([
    ['How is spring?', 'Green.', false],
    ['How do I write to my senator?', 'Politely.', false],
    ['Implement quicksort in Python', 'no', true],
    ['Sort it', 'def f(x): return sorted(x)', true],
    ['Sort it', fenced('x'), true],
    [`What is wrong here?\n${fenced('x +')}`, 'The plus.', true],
  ])('the question %j with the answer %j is about code: %s', (question, answer, isCode) => {
    expect(isAboutCode(question, answer)).toBe(isCode);
  });
});
