import { describe, expect, test } from 'vitest';
import type { ChatRequest } from '../../../core/index.ts';
import { contentText } from '../../../core/approach/index.ts';
import plansearch from '../../../plugins/approaches/plansearch/index.ts';
import { runApproach, USAGE, type RunOptions, type Scripted } from '../../support/scripted-handler.ts';

const QUESTION = [{ role: 'user', content: 'Write a function that adds two numbers.' }];
const PROGRAM = '```python\ndef add(a, b):\n    return a + b\n```';
const SCRIPT = {
  observations: ['1. Sums commute.\n2. Zero is neutral.\n3. Numbers may be negative.'],
  derived_observations: ['1. Order is free.\n2. Signs need no care.'],
  sketch: ['Add the two and return it.'],
  answer: [PROGRAM],
};
const OBSERVED = [
  'Observation 1: Sums commute.',
  'Observation 2: Zero is neutral.',
  'Observation 3: Numbers may be negative.',
  'Observation 4: Order is free.',
  'Observation 5: Signs need no care.',
].join('\n');

const ask = ({ request, ...options }: RunOptions) =>
  runApproach('plansearch', { plugins: [plansearch], request: { messages: QUESTION, ...request }, ...options });
type Run = Awaited<ReturnType<typeof ask>>;
const shape = ({ text, calls, rounds }: Run) => [text, calls.length, rounds];
const degraded = ({ exchange }: Run) => exchange.headers.get('x-optigate-degraded');
const promptsOf = ({ messages }: ChatRequest) => messages.map(({ content }) => contentText(content)).join('\n\n');
const promptOf = (run: Run, role: string) =>
  run.calls.filter((call) => call.role === role).map((call) => promptsOf(call.request))[0] ?? '';

describe('a chain', () => {
  test('takes four calls and rounds, and plans with all observations in order', async () => {
    const run = await ask({ script: SCRIPT });
    expect(shape(run)).toEqual([PROGRAM, 4, 4]);
    expect(promptOf(run, 'sketch')).toContain(OBSERVED);
    expect(promptOf(run, 'answer')).toContain('Add the two and return it.');
    expect(run.calls[3]?.request.messages.at(-1)).toEqual(QUESTION[0]);
    expect(run.completion.usage?.total_tokens).toBe(4 * (USAGE.total_tokens ?? 0));
  });

  test('passes each observation on once', async () => {
    const derived_observations = ['- Sums commute\n- Order is free.'];
    const run = await ask({ script: { ...SCRIPT, derived_observations } });
    expect(promptOf(run, 'sketch')).toContain('Observation 4: Order is free.');
    expect(promptOf(run, 'sketch').split('Sums commute').length - 1).toBe(1);
  });

  test('keeps what is whole of a list that was cut', async () => {
    const cut = { text: '1. Order is free.\n2. Signs need', finish: 'length' };
    const run = await ask({ script: { ...SCRIPT, derived_observations: [cut] } });
    expect(shape(run)).toEqual([PROGRAM, 4, 4]);
    expect(promptOf(run, 'sketch')).toContain('Observation 4: Order is free.\n</observations>');
  });

  test('goes on without observations where twice there are none', async () => {
    const run = await ask({ script: { ...SCRIPT, observations: ['', ' '] } });
    expect(shape(run)).toEqual([PROGRAM, 4, 4]);
    expect(run.calls.map(({ role }) => role)).toEqual(['observations', 'observations', 'sketch', 'answer']);
    expect(promptOf(run, 'sketch')).not.toContain('<observations>');
  });

  test('asks for further observations a second time where there are none', async () => {
    const derived_observations = ['', SCRIPT.derived_observations[0]!];
    const run = await ask({ script: { ...SCRIPT, derived_observations } });
    expect(shape(run)).toEqual([PROGRAM, 5, 5]);
    expect(promptOf(run, 'sketch')).toContain(OBSERVED);
  });

  test('derives nothing where plansearch_derived is 0', async () => {
    expect(shape(await ask({ script: SCRIPT, request: { plansearch_derived: 0 } }))).toEqual([PROGRAM, 3, 3]);
  });

  test('writes the program without a sketch where twice there is none', async () => {
    const run = await ask({ script: { ...SCRIPT, sketch: ['', { text: 'Ad', finish: 'length' }] } });
    expect(shape(run)).toEqual([PROGRAM, 5, 5]);
    expect(promptOf(run, 'answer')).not.toContain('<solution>');
    expect(promptOf(run, 'answer')).toContain(OBSERVED);
  });

  test('follows a sketch that was cut if it is long enough', async () => {
    const text = 'Add them. '.repeat(30).trim();
    const run = await ask({ script: { ...SCRIPT, sketch: [{ text, finish: 'length' }] } });
    expect(shape(run)).toEqual([PROGRAM, 4, 4]);
    expect(promptOf(run, 'answer')).toContain(text);
  });

  test('shows a program that was cut as it was cut', async () => {
    const run = await ask({ script: { ...SCRIPT, answer: [{ text: '```\ndef', finish: 'length' }] } });
    expect(run.completion.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: '```\ndef' } });
  });
});

describe('the task', () => {
  const asking = (content: string, request: object = {}) =>
    ask({ script: SCRIPT, request: { messages: [{ role: 'user', content }], ...request } });

  test.each([
    ['Sort an array. Write it in Rust.', 'Rust'],
    ['Translate this Python script to Go', 'Go'],
    ['Fix my C++ program', 'C++'],
    ['Write a function that goes home', 'Python'],
    ['Sum the numbers of a list', 'Python'],
  ])('%j is a program in %s', async (content, language) => {
    const run = await asking(content);
    expect(shape(run)).toEqual([PROGRAM, 4, 4]);
    expect(promptOf(run, 'answer')).toContain(`one program in ${language}.`);
  });

  test('has the language that the request sets', async () => {
    const run = await asking('Sort an array in Rust.', { plansearch_language: 'Ada' });
    expect(promptOf(run, 'answer')).toContain('one program in Ada.');
  });

  test('that is none for a program is answered by a plain call', async () => {
    const run = await asking('How is spring?');
    expect(shape(run)).toEqual([PROGRAM, 1, 1]);
    expect(run.calls[0]?.request.messages).toEqual([{ role: 'user', content: 'How is spring?' }]);
    expect(degraded(run)).toBe('plansearch: no programming task');
  });

  test('that is none for a program is planned where the mode is set', async () => {
    const run = await asking('How is spring?', { plansearch_mode: 'chain' });
    expect(shape(run)).toEqual([PROGRAM, 4, 4]);
    expect(run.calls.map(({ request }) => promptsOf(request)).join()).not.toMatch(/program|code block/);
  });
});

describe('several choices', () => {
  const script = {
    observations: (_: unknown, i: number) => `1. First of ${i}.\n2. Second of ${i}.\n3. Third of ${i}.`,
    derived_observations: (_: unknown, i: number) => `1. Derived ${i}.`,
    sketch: (_: unknown, i: number) => `Sketch ${i}.`,
    answer: (_: unknown, i: number) => `Program ${i}`,
  };

  test.each(['honours', 'rejects', 'ignores'] as const)(
    'are as many chains at once, from an upstream that %s n',
    async (n) => {
      const run = await ask({ script, n, request: { n: 3 } });
      expect([run.completion.choices.length, run.calls.length, run.rounds]).toEqual([3, 12, 4]);
    },
  );

  test('come of the server’s n as well', async () => {
    const run = await ask({ script, settings: { defaultN: 3 } });
    expect([run.completion.choices.length, run.calls.length, run.rounds]).toEqual([3, 12, 4]);
  });

  test('are diverse: each chain by its own subset of observations, at a temperature of 0.9', async () => {
    const run = await ask({ script, request: { n: 3 } });
    expect(new Set(run.calls.map(({ request }) => request.temperature))).toEqual(new Set([0.9]));
    for (const { request } of run.calls.filter(({ role }) => role === 'sketch')) {
      expect(promptsOf(request).match(/Observation \d+: (?:First|Second|Third)/g)).toHaveLength(2);
    }
    const own = await ask({ script, request: { n: 3, temperature: 0.2 } });
    expect(new Set(own.calls.map(({ request }) => request.temperature))).toEqual(new Set([0.2]));
  });

  test('are fewer where one chain fails', async () => {
    const answer = (_: unknown, i: number): Scripted => (i === 1 ? { status: 500 } : `Program ${i}`);
    const run = await ask({ script: { ...script, answer }, request: { n: 3 } });
    expect(run.completion.choices.map(({ message }) => message.content)).toEqual(['Program 0', 'Program 2']);
    expect(degraded(run)).toBe('branch_failed');
    const observations = (_: ChatRequest, i: number): Scripted => (i === 1 ? { status: 500 } : '1. One.');
    const early = await ask({ script: { ...script, observations }, request: { n: 3 } });
    expect([early.completion.choices.length, early.calls.length]).toEqual([2, 9]);
  });
});

describe('failures', () => {
  test.each([401, 429, 500])('a first call refused with %i is the answer', async (status) => {
    const run = await ask({ script: { observations: [{ status }] } });
    expect([run.reply.status, run.calls.length]).toEqual([status, 1]);
  });

  test.each(['derived_observations', 'sketch'])('a failed call for %s is gone on without', async (role) => {
    const run = await ask({ script: { ...SCRIPT, [role]: [{ status: 500 }] } });
    expect(shape(run)).toEqual([PROGRAM, 4, 4]);
    expect(run.exchange.isPartial).toBe(true);
    expect(degraded(run)).toBe(role === 'sketch' ? 'sketch_failed' : undefined);
  });

  test.each([401, 429, 500])('a last call refused with %i is the answer', async (status) => {
    const run = await ask({ script: { ...SCRIPT, answer: [{ status }] } });
    expect([run.reply.status, run.calls.length]).toEqual([status, 4]);
  });

  test.each(['', ' \n'])('an empty program (%j) is an error, in a stream, too', async (answer) => {
    for (const stream of [false, true]) {
      const asked = ask({ script: { ...SCRIPT, answer: [answer] }, request: { stream } });
      await expect(asked).rejects.toMatchObject({ status: 502, code: 'upstream_error' });
    }
  });

  test.each([false, true])('a filtered program is shown as it is (stream: %s)', async (stream) => {
    const answer = [{ text: '', finish: 'content_filter' }];
    const run = await ask({ script: { ...SCRIPT, answer }, request: { stream } });
    expect(run.completion.choices[0]).toMatchObject({ finish_reason: 'content_filter' });
  });

  test.each([1, 2, 3])('a budget of %i calls keeps the last one for the program', async (max_calls) => {
    const run = await ask({ script: SCRIPT, request: { optigate: { max_calls } } });
    expect(shape(run)).toEqual([PROGRAM, max_calls, max_calls]);
    expect(run.calls.at(-1)?.role).toBe('answer');
    expect(degraded(run)).toBe('budget');
  });

  test('the approach’s own limit counts as the request’s does', async () => {
    const run = await ask({ script: SCRIPT, file: { plansearch: { limits: { max_calls: 2 } } } });
    expect(shape(run)).toEqual([PROGRAM, 2, 2]);
  });

  test.each([1, 2, 3, 4, 5, 7, 11])('three choices within %i calls have at least one program', async (max_calls) => {
    const script = Object.fromEntries(Object.entries(SCRIPT).map(([role, [text = '']]) => [role, () => text]));
    const run = await ask({ script, request: { n: 3, optigate: { max_calls } } });
    expect(run.calls.length).toBeLessThanOrEqual(max_calls);
    expect(run.text).toBe(PROGRAM);
  });
});

describe('what the upstream gets', () => {
  test('the client’s tools, format and sampling for the program, only its temperature and limit for the plan', async () => {
    const request = { temperature: 0.3, tools: [{ type: 'function' }], max_tokens: 99, stop: ['x'] };
    const run = await ask({ script: SCRIPT, request });
    expect(run.calls[3]?.request).toMatchObject(request);
    expect(promptOf(run, 'answer')).not.toContain('code block');
    for (const { request: plan } of run.calls.slice(0, 3)) {
      expect(plan).toMatchObject({ max_tokens: 99, temperature: 0.3 });
      expect(plan).not.toHaveProperty('tools');
      expect(plan).not.toHaveProperty('stop');
    }
  });

  test('no temperature where the client set none', async () => {
    const run = await ask({ script: SCRIPT });
    for (const { request } of run.calls) expect(request).not.toHaveProperty('temperature');
  });

  test('a tool call of the last one is the answer', async () => {
    const toolCalls = [{ id: 'c', type: 'function', function: { name: 'run', arguments: '{}' } }];
    const run = await ask({ script: { ...SCRIPT, answer: [{ toolCalls }] } });
    expect(run.completion.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: { tool_calls: toolCalls },
    });
  });
});

/** Ten observations, and programs that tell their order of asking; `program` says what each is. */
function treeScript(program: (index: number) => Scripted): RunOptions['script'] {
  const list = (count: number, of: string) =>
    Array.from({ length: count }, (_, i) => `${i + 1}. ${of} number ${i}.`).join('\n');
  return {
    observations: () => list(10, 'Observation'),
    derived_observations: () => list(2, 'Derived'),
    sketch: (_, i) => `Sketch ${i}.`,
    other_sketch: (_, i) => `Other sketch ${i}.`,
    pseudocode: (_, i) => `Pseudocode ${i}.`,
    candidate: (_, i) => program(i),
    judge: ({ messages }) => {
      const listed = contentText(messages.at(-1)?.content);
      return `Choice: ${/number="(\d+)">\nright/.exec(listed)?.[1] ?? 1}`;
    },
  };
}

describe('a tree', () => {
  const tree = (program: (index: number) => Scripted, request: object = {}, script: RunOptions['script'] = {}) =>
    ask({ script: { ...treeScript(program), ...script }, request: { plansearch_mode: 'tree', ...request } });

  test('of eight branches takes 57 calls in six rounds, and gives what most wrote', async () => {
    const run = await tree((i) => (i % 5 === 2 ? '```\nx = 1\n```' : `\`\`\`\nx = ${i + 2}\n\`\`\``));
    expect(shape(run)).toEqual(['```\nx = 1\n```', 57, 6]);
    expect(new Set(run.calls.map(({ request }) => request.temperature))).toEqual(new Set([0.9]));
  });

  test('follows another subset of none, one or two observations in each branch', async () => {
    const run = await tree((i) => `program ${i}`);
    const sketches = run.calls.filter(({ role }) => role === 'sketch').map(({ request }) => promptsOf(request));
    const subsets = sketches.map((prompt) => (prompt.match(/Observation number \d/g) ?? []).join());
    expect(new Set(subsets).size).toBe(8);
    for (const subset of subsets) expect(subset.match(/number/g)?.length ?? 0).toBeLessThanOrEqual(2);
  });

  test('gives the program most like the others where no two are the same', async () => {
    const program = (i: number) => ['a b c x', 'a b c d', 'a b d y', 'z'][i] ?? '';
    const run = await tree(program, { plansearch_branches: 2, optigate: { trace: true } });
    expect(run.text).toBe('a b c d');
    expect(run.completion).toMatchObject({ optigate: { plansearch: { winner: 2, votes: [1, 1, 1, 1] } } });
  });

  test('lets a judge choose where the request says so', async () => {
    const run = await tree((i) => (i === 6 ? 'right' : `wrong ${i}`), { plansearch_select: 'judge' });
    expect(shape(run)).toEqual(['right', 58, 7]);
    const equal = await tree(() => 'right', { plansearch_select: 'judge' });
    expect(shape(equal)).toEqual(['right', 57, 6]);
  });

  test('says so where that judge fails', async () => {
    const judge = [{ status: 500 }];
    const run = await tree((i) => `wrong ${i}`, { plansearch_select: 'judge' }, { judge });
    expect([run.calls.length, run.exchange.headers.get('x-optigate-degraded')]).toEqual([58, 'judges_failed']);
  });

  test('loses no more than what fails', async () => {
    const program = (i: number): Scripted => (i === 3 ? 'right' : i % 2 === 0 ? { status: 500 } : '');
    expect((await tree(program)).text).toBe('right');
    const fails = (_: unknown, i: number): Scripted => (i % 2 === 0 ? { status: 500 } : { text: '' });
    const lost = { derived_observations: fails, sketch: fails, other_sketch: fails, pseudocode: fails };
    expect((await tree(() => 'right', {}, lost)).text).toBe('right');
  });

  test('of which every program fails is the upstream’s own error', async () => {
    const run = await tree(() => ({ status: 429, error: { message: 'slow down', param: null, code: null } }));
    expect([run.reply.status, run.completion]).toMatchObject([429, { error: { message: 'slow down' } }]);
  });

  test('of which every program is empty is an error', async () => {
    await expect(tree(() => '')).rejects.toMatchObject({ status: 502 });
  });

  test.each([1, 2, 3, 4, 7, 8, 9, 15, 22, 56])('within %i calls gives an answer', async (max_calls) => {
    const run = await tree(() => 'right', { optigate: { max_calls } }, { answer: () => 'right' });
    expect(run.text).toBe('right');
    expect(run.calls.length).toBeLessThanOrEqual(max_calls);
    expect(degraded(run)).toBe('budget');
  });

  test('makes the same calls, byte for byte, when the request is repeated', async () => {
    const bytes = async (request: object) =>
      (await tree((i) => `program ${i}`, request)).calls.map((call) => call.bytes);
    expect(await bytes({})).toEqual(await bytes({}));
    expect(await bytes({ seed: 1 })).not.toEqual(await bytes({ seed: 2 }));
  });

  test('streams the program that it chose', async () => {
    const run = await tree(() => 'right', { stream: true });
    expect(run.text).toBe('right');
  });
});
